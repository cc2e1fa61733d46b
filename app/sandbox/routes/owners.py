"""Owners: the way from an address to a user id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import not_found

if TYPE_CHECKING:
    from app.sandbox.request import Asked
    from app.sandbox.state.account import State
    from app.sandbox.state.seed import User

CREATED = "2026-01-05T09:00:00.000Z"


def list_all(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """List owners, or find one by address."""
    email = asked.query.get("email", "").lower()
    return 200, {"results": [_shown(user) for user in state.users.values() if not email or user.email == email]}


def read(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Read one owner, by owner id or (idProperty=userId) by user id."""
    by_user = asked.query.get("idProperty") == "userId"
    for user in state.users.values():
        if asked.path["ownerId"] == (user.id if by_user else user.owner_id):
            return 200, _shown(user)
    raise not_found("owner")


def _shown(user: User) -> dict[str, Any]:
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
