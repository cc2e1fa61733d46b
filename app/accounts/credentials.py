"""By what each account lets Segue in: a token of the rules, or a grant that a person gave. Pure.

`state` is `token`, or for an account that joins by OAuth `active`, `revoked` or `not_connected`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOKEN, ACTIVE, REVOKED, NOT_CONNECTED = "token", "active", "revoked", "not_connected"


def credentials(by_oauth: Mapping[str, bool], grants: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the credential of each account by its name, in their order.

    `by_oauth` are the accounts of the rules in force, each with whether it joins by OAuth. A grant of an account that
    has left the rules is listed, too; one of an account that has a token now is not used, and not listed.
    """
    rows: dict[str, Mapping[str, Any]] = {
        name: {"account": name, "state": NOT_CONNECTED if oauth else TOKEN} for name, oauth in by_oauth.items()
    }
    rows |= {row["account"]: row for row in grants if by_oauth.get(row["account"], True)}
    return {name: rows[name] for name in sorted(rows)}
