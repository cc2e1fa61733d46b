"""What a request brings, as pages take it: a path, a query and a form that can be stored, compared and linked to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect

from app.web.problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_FIELDS = 100
FORMS = frozenset({"", "application/x-www-form-urlencoded", "multipart/form-data"})
IN_PATHS = "/:@!$&'()*+,;=~"  # what stands in a path as it is, besides letters, digits and `-._` (RFC 3986, 3.3)
NUL = "\x00"  # PostgreSQL has none in text


def require_plain(request: Request) -> None:
    """Refuse a path and a query that no page links to and no browser sends. Raises Problem.

    Control characters name nothing that is stored, and browsers encode a query as ASCII.
    """
    if any(one < " " or one == "\x7f" for one in path_of(request)):
        raise Problem(404, "not-found", "There is no such page.")
    if not request.scope["query_string"].isascii():
        raise Problem(400, "malformed", "What stands behind the ? must be ASCII, and all else encoded.")


def path_of(request: Request) -> str:
    """Return the path that was asked for, decoded."""
    path: str = request.scope["path"]
    return path


def link_path(request: Request) -> str:
    """Return the path that was asked for, as a link to it has it."""
    return quote(path_of(request), safe=IN_PATHS)


def link_of(request: Request) -> str:
    """Return path and query that were asked for, as a link has them."""
    query = request.scope["query_string"].decode("ascii")
    return link_path(request) + (f"?{query}" if query else "")


async def read_form(request: Request, *, most: int = MOST_FIELDS) -> dict[str, str]:
    """Return the fields of a form, the last of each name, as they can be stored. Files are refused. Raises Problem."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORMS:
        raise Problem(415, "no-form", "A page of the console takes a form, and this is none.")
    try:
        form = await request.form(max_files=0, max_fields=most)
    except MultiPartException as error:
        raise Problem(400, "malformed", f"This form cannot be read: {error.message}") from error
    except UnicodeError as error:
        raise Problem(400, "malformed", "This form is not in the encoding that it names.") from error
    except ClientDisconnect as error:
        raise Problem(400, "cut-off", "The form did not come whole.") from error
    return {_storable(name): _storable(value) for name, value in form.items() if isinstance(value, str)}


def _storable(text: str) -> str:
    """Return a text without what PostgreSQL has not: NUL, and halves of a pair, of which some encodings have names."""
    return text.replace(NUL, "").encode("utf-8", "ignore").decode()
