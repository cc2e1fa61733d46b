"""Fragments of SQL that statements of several rooms contain."""

from __future__ import annotations

# Enrollments that are released together start ten per second, the oldest first, which leaves HubSpot capacity for
# others.
ONE_AFTER_THE_OTHER = "clock_timestamp() + (row_number() OVER (ORDER BY id) - 1) * interval '100 milliseconds'"

# A request was sent that HubSpot did not refuse. For putting a contact into a workflow there is no other sign.
MAY_HAVE_BEEN_SENT = """
    (first_sending_at IS NOT NULL OR (plan->>'action' IS NOT DISTINCT FROM 'workflow' AND triggered_at IS NOT NULL))
"""


def json_columns(named: str) -> str:
    """Return expressions for the columns `named` (names with types), whose values the JSON array `row` has in order.

    A row may end early: what is missing is NULL, or an empty array. The type `microseconds` is a time that comes as
    microseconds since 1970, exact until the year 2255: to read one as a text costs PostgreSQL several times as much.
    """
    pairs = [column.strip().split(maxsplit=1) for column in named.split(",")]
    return ", ".join(f"{_value(place, type_)} AS {name}" for place, (name, type_) in enumerate(pairs))


def _value(place: int, type_: str) -> str:
    match type_:
        case "text":
            return f"row->>{place}"
        case "text[]":
            return f"ARRAY(SELECT jsonb_array_elements_text(row->{place}))"
        case "jsonb":
            return f"NULLIF(row->{place}, 'null')"
        case "microseconds":
            return f"CAST('epoch' AS timestamptz) + CAST(row->>{place} AS bigint) * interval '1 microsecond'"
    return f"CAST(row->>{place} AS {type_})"


# A new id as `app.ids` makes it, 48 bits of time and then random ones: later ids sort later. A prefix goes before.
NEW_ID = """
    lpad(to_hex(CAST(EXTRACT(epoch FROM clock_timestamp()) * 1000 AS bigint)), 12, '0')
        || substr(replace(CAST(gen_random_uuid() AS text), '-', ''), 1, 20)
"""

ADDRESS, CONTACT = "address", "contact"  # the kinds of tombstones


def person_key(kind: str, value: str) -> str:
    """Return the expression for a person's keyed hash: HMAC-SHA-256 under the installation's key.

    `value` is the expression of an address in its listed form, or of a contact as `portal:id`. The two blocks are read
    once per statement.
    """
    block = "(SELECT value FROM installation WHERE name = 'forgotten_{}')".format
    return f"sha256({block('outer')} || sha256({block('inner')} || convert_to('{kind}:' || {value}, 'UTF8')))"


def is_forgotten(kind: str, value: str) -> str:
    """Return the condition that the person `value` was forgotten."""
    return f"EXISTS (SELECT FROM forgotten WHERE key = {person_key(kind, value)})"  # what is put in is ours
