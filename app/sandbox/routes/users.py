"""Users and their seats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.bodies import page_of
from app.sandbox.errors import not_found

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.seed import User


def list_all(account: Account, request: Request) -> Response:
    """List users, a page at a time."""
    users, paging = page_of(request, list(account.users.values()))
    return 200, {"results": [_user(user) for user in users]} | paging


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
