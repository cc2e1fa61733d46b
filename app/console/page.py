"""What a page of the console is made of: the visit that it answers, what it shows, and what it changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.console.query_words import mistakes
from app.operators import Role
from app.web.problems import Problem

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.console.signin.visitor import Visitor

ROOT = "/admin"
LIVE_SECONDS, JOB_SECONDS = 15, 2  # between two looks of a page that refreshes itself
COUNT_DIGITS = 9  # of the count in a confirm page's form
Model = TypeVar("Model", bound=BaseModel)
Query = TypeVar("Query", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a signed-in person.

    `parameters` are those of the path, `asked` those of the query, `form` the fields of a POST (the last of each name,
    without NUL). `now` and `zone` are those by which the page tells times.
    """

    visitor: Visitor
    path: str
    parameters: Mapping[str, str]
    asked: Mapping[str, str]
    form: Mapping[str, str]
    now: datetime
    zone: ZoneInfo

    def query(self, model: type[Query]) -> Query:
        """Return the query as `model`, whose `extra` should be `forbid`. Raises Problem, which names the parameter.

        A field that a form left empty counts as absent.
        """
        try:
            return model.model_validate({name: value for name, value in self.asked.items() if value != ""})
        except ValidationError as error:
            raise Problem(422, "invalid-request", mistakes(error, model)) from error

    def may(self, role: Role) -> bool:
        """Return whether the person may do what needs `role`."""
        return self.visitor.role.may(role)


class FormError(Exception):
    """A field of a form cannot be used: the same page is shown again, with the message beside the field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


class MoreThanShown(Exception):
    """More would change than the person was shown: the page asks once more, with the count of now."""


class NotDone(Exception):
    """What was asked for could not be done: `page` says why, in the place of the question."""

    def __init__(self, page: Confirm) -> None:
        super().__init__(page.title)
        self.page = page


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. `kind` is `text`, `long`, `choice` (of `choices`), `secret`, `search` or `check`."""

    name: str
    label: str
    kind: str = "text"
    value: str = ""
    hint: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()


REASON = Field("reason", "Reason, for the audit log", hint="Why: the audit log keeps it with your name")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a sample: its text, where it leads to, and what is said beside it."""

    text: str
    url: str | None = None
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Confirm:
    """What a person is asked before something changes.

    `title` is the question, `consequences` are sentences of what follows, `sample` the first of what is meant.
    `count` is how many it is about, None where that is no question: where more are by the answer, it is asked again,
    unless `flows` says that they come and go all the time. `parts` says that the sample's rows add up to the count.
    `button` says what is done, `back` is where the other button leads. `grave` marks what cannot be taken back.
    `action` is where the form goes, if not to the change itself, and `error` what was wrong in one that led here.
    """

    title: str
    button: str
    back: str
    consequences: tuple[str, ...] = ()
    count: int | None = None
    flows: bool = False
    sample: tuple[Row, ...] = ()
    parts: bool = False
    fields: tuple[Field, ...] = (REASON,)
    grave: bool = False
    impossible: str | None = None
    action: str | None = None
    error: FormError | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What was changed: the page to go to, and the sentence that it then shows once."""

    location: str
    message: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What a change has made that can be shown this once, as the answer to its form: no URL leads to it again."""

    template: str
    model: Any


@dataclass(frozen=True, slots=True)
class Place:
    """A page's place in the rail: its word, the group that it stands in (`` for the first), and its order there."""

    word: str
    group: str = ""
    order: int = 0


Read = Callable[[Visit], Awaitable[Any]]
Ask = Callable[[Visit], Awaitable[Confirm]]
Act = Callable[[Visit], Awaitable[Done | Shown]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page that shows something. `read` returns its model, a frozen dataclass, which `template` renders.

    `live` is after how many seconds it refreshes itself, None where it does not; it ends with a model whose `over` is
    true, of which nothing changes any more. `method` is POST where what is asked
    for must not stand in a URL; such a page changes nothing, and has no `.json`. `audited` says that looking is
    written to the audit log.
    """

    path: str
    template: str
    read: Read
    role: Role = Role.VIEWER
    live: int | None = None
    method: str = "GET"
    audited: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A change: its confirm page at GET, and at POST what it does, after which the person is sent to another page.

    Only what can be shown once is shown at once.
    """

    path: str
    ask: Ask
    act: Act
    role: Role = Role.OPERATOR


@dataclass(slots=True)
class Pages:
    """The pages of one module, in the order in which they are matched."""

    place: Place | None = None
    shown: list[Page] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def show(self, path: str, template: str, **more: Any) -> Callable[[Read], Read]:
        """Add a page: a decorator of what reads its model."""

        def add(read: Read) -> Read:
            self.shown.append(Page(ROOT + path, template, read, **more))
            return read

        return add

    def change(self, path: str, ask: Ask, act: Act, role: Role = Role.OPERATOR) -> None:
        """Add a change."""
        self.changes.append(Change(ROOT + path, ask, act, role))


def shown_count(form: Mapping[str, str]) -> int:
    """Return the count that a confirm page showed, 0 where its form does not say one."""
    shown = form.get("shown", "")
    return int(shown) if len(shown) <= COUNT_DIGITS and shown.isdecimal() else 0


def not_there(what: str) -> Problem:
    """Return the page that says that something is not there."""
    return Problem(404, "not-found", f"There is no {what}.")
