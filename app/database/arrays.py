"""The arrays that statements take, made known to a connection.

asyncpg knows arrays of text alone. For others it asks PostgreSQL, on each connection: a recursive statement over the
catalogue, which takes longer than any of ours to plan, and whose plan the backend keeps.
"""

from __future__ import annotations

from typing import Any

# The numbers of a built-in array and of its elements (pg_type.dat in PostgreSQL's source) are the same on every server.
NUMBERS = {
    "bytea": (1001, 17),
    "name": (1003, 19),
    "int4": (1007, 23),
    "int8": (1016, 20),
    "float8": (1022, 701),
    "timestamptz": (1185, 1184),
    "interval": (1187, 1186),
}
# The rows with which PostgreSQL would answer (INTRO_LOOKUP_TYPES in asyncpg/introspection.py).
ROWS: list[dict[str, Any]] = [
    {
        "oid": array,
        "ns": "pg_catalog",
        "name": f"_{name}",
        "kind": b"b",
        "elemtype": element,
        "elemdelim": ",",
        "elemtype_name": name,
        "basetype": None,
        "range_subtype": None,
        "attrtypoids": None,
        "attrnames": None,
    }
    for name, (array, element) in NUMBERS.items()
]


def know_arrays(connection: Any) -> None:
    """Let an asyncpg connection take and return these arrays without asking."""
    connection._protocol.get_settings().register_data_types(ROWS)  # noqa: SLF001  # asyncpg has no public way
