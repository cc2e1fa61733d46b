"""Users and their seats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import not_found
from app.sandbox.request import number_of

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.seed import User

PAGE = 100


def list_all(account: Account, request: Request) -> Response:
    """List users, a page at a time."""
    start, limit = number_of(request, "after", 0), min(max(number_of(request, "limit", PAGE), 1), PAGE)
    users = list(account.users.values())
    body: dict[str, Any] = {"results": [_user(user) for user in users[start : start + limit]]}
    if start + limit < len(users):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return 200, body


def read(account: Account, request: Request) -> Response:
    """Read one user, by user id or (idProperty=EMAIL) by address."""
    by_email = request.query.get("idProperty") == "EMAIL"
    for user in account.users.values():
        if request.path["userId"].lower() == (user.email if by_email else user.id):
            return 200, _user(user)
    raise not_found("user")


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "firstName": user.first_name,
        "lastName": "Acme",
        "roleIds": [],
        "superAdmin": user.id == "7001",
        "seatNames": ["sales-pro"] if user.seat else [],
    }
