# ruff: noqa: S608  # all text that is put in are expressions of ours
"""What must go on holding when its person is forgotten: intents and suppressions, under a hash instead of the address.

Fragments of SQL, and no statements. The hash is found again only by one who knows the address.
"""

from __future__ import annotations

from app.database.fragments import ADDRESS, person_key

PEOPLE = "unnest(CAST(:emails AS text[])) AS one(address)"
PSEUDONYM = f"'forgotten:' || encode({person_key(ADDRESS, 'address')}, 'hex')"


def intents_renamed(old: str, new: str, *, when: str = "true") -> tuple[str, str]:
    """Return the part `intent_taken` and the statement after it, which give the intents of `old` the name `new`.

    Both names may have the intent, since a backup brings one of them back, or an operator names it: the longer period
    stays then.
    """
    taken = f"""
        intent_taken AS (
            DELETE FROM intents USING {PEOPLE} WHERE email = {old} AND {when}
            RETURNING account, intent, {new} AS email, enrollment_id, until
        )
    """
    put = """
        INSERT INTO intents AS kept (account, intent, email, enrollment_id, until)
        SELECT account, intent, email, enrollment_id, until FROM intent_taken
        ON CONFLICT (account, intent, email) DO UPDATE SET until = GREATEST(kept.until, excluded.until)
    """
    return taken, put


def suppressions_renamed(old: str, new: str, *, when: str = "true") -> tuple[str, str]:
    """Return the part `suppression_twice` and the statement beside it, as above. Only entries of one address count."""
    entry = f"kind = 'address' AND value = {old} AND {when}"
    there = f"EXISTS (SELECT FROM suppressions AS kept WHERE kept.value = {new})"
    twice = f"suppression_twice AS (DELETE FROM suppressions USING {PEOPLE} WHERE {entry} AND {there})"
    put = f"UPDATE suppressions SET value = {new}, reason = NULL FROM {PEOPLE} WHERE {entry} AND NOT {there}"
    return twice, put
