"""Owners: they map an address to a user id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import not_found

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.seed import User

CREATED = "2026-01-05T09:00:00.000Z"


def list_all(account: Account, request: Request) -> Response:
    """List owners, or find one by address."""
    email = request.query.get("email", "").lower()
    return 200, {"results": [_owner(user) for user in account.users.values() if not email or user.email == email]}


def read(account: Account, request: Request) -> Response:
    """Read one owner, by owner id or (idProperty=userId) by user id."""
    by_user = request.query.get("idProperty") == "userId"
    for user in account.users.values():
        if request.path["ownerId"] == (user.id if by_user else user.owner_id):
            return 200, _owner(user)
    raise not_found("owner")


def _owner(user: User) -> dict[str, Any]:
    return {
        "id": user.owner_id,
        "userId": int(user.id),
        "userIdIncludingInactive": int(user.id),
        "email": user.email,
        "firstName": user.first_name,
        "lastName": "Acme",
        "type": "PERSON",
        "archived": False,
        "createdAt": CREATED,
        "updatedAt": CREATED,
    }
