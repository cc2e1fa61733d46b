"""What is looked up of people before they are enrolled: suppressions, and how often they were enrolled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.fragments import ADDRESS, CONTACT, is_forgotten
from app.people.suppression import Kind, Suppression, forms_of, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import timedelta

    from app.database.direct import DirectConnection, DirectPool

# What stands for a person who was forgotten: no entry of the list has this value.
FORGOTTEN = Suppression(Kind.ADDRESS, "")

# For each address the first entry that matches it: `keys` are the values that an exact entry for it may have, `forms`
# are what patterns are held against. A tombstone comes before all entries. `contacts` are those that HubSpot has shown
# under an address: of one that was forgotten no address is enrolled.
_ALL_ENTRIES = f"""
    SELECT email, kind, value FROM unnest(CAST(:owners AS text[]), CAST(:keys AS text[])) AS wanted(email, key)
    JOIN suppressions ON value = key
    UNION ALL
    SELECT email, kind, value FROM unnest(CAST(:emails AS text[]), CAST(:forms AS text[])) AS wanted(email, form)
    JOIN suppressions ON kind = 'pattern' AND form LIKE fits
    UNION ALL
    SELECT owner, 'address', '' FROM unnest(CAST(:emails AS text[]), CAST(:forms AS text[])) AS wanted(owner, form)
    WHERE {is_forgotten(ADDRESS, "form")}
    UNION ALL
    SELECT owner, 'address', ''
    FROM unnest(CAST(:owned AS text[]), CAST(:accounts AS text[]), CAST(:contacts AS text[]))
        AS wanted(owner, account, contact)
    JOIN hubspot_accounts USING (account)
    WHERE {is_forgotten(CONTACT, "(portal_id || ':' || contact)")}
"""  # noqa: S608  # what is put in are conditions of ours
FIND_ENTRIES = f"SELECT DISTINCT ON (email) email, kind, value FROM ({_ALL_ENTRIES}) AS found ORDER BY email, value"  # noqa: S608  # as above
FIND = text(FIND_ENTRIES)

# All entries that match, for who asks which they are.
COVERING = text(f"SELECT DISTINCT kind, value FROM ({_ALL_ENTRIES}) AS found ORDER BY kind, value")  # noqa: S608  # as above

# Whether an entry matches an address as it is written, or a tombstone does; FIND also knows the forms of before.
IS_LISTED = f"""
    EXISTS (SELECT FROM suppressions WHERE value IN ({{email}}, substring({{email}} FROM '[^@]*$')))
    OR EXISTS (SELECT FROM suppressions WHERE kind = 'pattern' AND {{email}} LIKE fits)
    OR {is_forgotten(ADDRESS, "{email}")}
"""  # noqa: S608  # as above

# HubSpot's own time of an enrollment came with its reply. Where the reply was lost, the time of the first request is
# used. A row with such a request counts in whatever state it is now, unless HubSpot refused it in the end: an operator
# may have cancelled it because the contact is enrolled. The addresses and contact ids of one person are joined by
# blanks, which neither contains. An enrollment that both of them find counts once.
ENROLLED = """
    (state = 'enrolled' OR (first_sending_at IS NOT NULL AND state <> 'refused'))
    AND COALESCE(enrolled_at, first_sending_at, sending_at) > clock_timestamp() - period
"""
COUNT_ENROLLED = text(f"""
    SELECT number, (
        SELECT count(*) FROM (
            SELECT other.id FROM enrollments AS other
            WHERE other.account = wanted.account AND other.email = ANY(string_to_array(wanted.emails, ' '))
              AND other.id <> wanted.id AND {ENROLLED}
            UNION
            SELECT other.id FROM enrollments AS other
            WHERE other.account = wanted.account AND other.contact_id = ANY(string_to_array(wanted.contacts, ' '))
              AND other.id <> wanted.id AND {ENROLLED}
        ) AS found
    ) AS enrolled
    FROM unnest(
        CAST(:accounts AS text[]), CAST(:ids AS text[]), CAST(:emails AS text[]), CAST(:contacts AS text[]),
        CAST(:periods AS interval[])
    ) WITH ORDINALITY AS wanted(account, id, emails, contacts, period, number)
""")  # noqa: S608  # the only text put in is the condition above


@dataclass(frozen=True, slots=True)
class Counted:
    """Enrollments of these addresses or contacts in the last `period`, without the one `id`."""

    account: str
    id: str
    emails: tuple[str, ...]
    contact_ids: tuple[str, ...]
    period: timedelta


async def find_entries(
    connection: DirectConnection | DirectPool,
    emails: Iterable[str],
    contacts: Iterable[tuple[str, str, str]] = (),
) -> dict[str, Suppression]:
    """Return the entry that matches each address; an address that none matches is left out.

    `contacts` are (address, account, contact id). FORGOTTEN stands for a person who was forgotten.
    """
    values = find_values(emails, contacts)
    return entries_of(await connection.fetch(FIND, values)) if values["emails"] else {}


def find_values(emails: Iterable[str], contacts: Iterable[tuple[str, str, str]] = ()) -> dict[str, list[str]]:
    """Return the parameters of FIND."""
    forms = [(email, form) for email in emails for form in forms_of(email)]
    pairs = [(email, key) for email, form in forms for key in keys_of(form)]
    known = list(contacts)
    return {
        "owners": [email for email, _ in pairs],
        "keys": [key for _, key in pairs],
        "emails": [email for email, _ in forms],
        "forms": [form for _, form in forms],
        "owned": [email for email, _, _ in known],
        "accounts": [account for _, account, _ in known],
        "contacts": [contact for _, _, contact in known],
    }


def covering_values(email: str) -> dict[str, list[str]]:
    """Return the parameters of COVERING for an address in its normal form."""
    return find_values([email])


def entries_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, Suppression]:
    """Return the entry that matches each address, from the rows of FIND."""
    return {row["email"]: Suppression(Kind(row["kind"]), row["value"]) for row in rows}


async def count_enrolled(connection: DirectConnection | DirectPool, wanted: Sequence[Counted]) -> dict[Counted, int]:
    """Count each person's enrollments, also possible ones."""
    if not wanted:
        return {}
    values = {
        "accounts": [one.account for one in wanted],
        "ids": [one.id for one in wanted],
        "emails": [" ".join(one.emails) for one in wanted],
        "contacts": [" ".join(one.contact_ids) for one in wanted],
        "periods": [one.period for one in wanted],
    }
    counts = {row["number"]: row["enrolled"] for row in await connection.fetch(COUNT_ENROLLED, values)}
    return {one: counts[number] for number, one in enumerate(wanted, start=1)}
