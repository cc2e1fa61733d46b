"""Users: who has which seat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import not_found
from app.sandbox.request import number_of

if TYPE_CHECKING:
    from app.sandbox.request import Asked
    from app.sandbox.state.account import State
    from app.sandbox.state.seed import User

PAGE = 100


def list_all(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """List users, a page at a time."""
    start, limit = number_of(asked, "after", 0), min(max(number_of(asked, "limit", PAGE), 1), PAGE)
    users = list(state.users.values())
    body: dict[str, Any] = {"results": [_shown(user) for user in users[start : start + limit]]}
    if start + limit < len(users):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return 200, body


def read(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Read one user, by user id or (idProperty=EMAIL) by address."""
    by_email = asked.query.get("idProperty") == "EMAIL"
    for user in state.users.values():
        if asked.path["userId"].lower() == (user.email if by_email else user.id):
            return 200, _shown(user)
    raise not_found("user")


def _shown(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "firstName": user.first_name,
        "lastName": "Acme",
        "roleIds": [],
        "superAdmin": user.id == "7001",
        "seatNames": ["sales-pro"] if user.seat else [],
    }
