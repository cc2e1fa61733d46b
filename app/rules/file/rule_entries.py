"""Rules and their examples as the operator writes them. Unknown keys are errors; an editor shows the descriptions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, create_model

from app.model import KEEP, IfEnrolled
from app.rules.actions import ACTIONS
from app.rules.file import values
from app.rules.file.values import AlsoWritten, Cel, Default, Duration, Entry, Name, Text, Types


class ContactEntry(Entry):
    """What happens to the contact before it is enrolled."""

    set: dict[Name, Cel] = Field(default={}, description="Contact properties to write, each a CEL expression")
    require: Annotated[
        dict[Name, Default | None],
        BeforeValidator(values.required),
        AlsoWritten({"type": "array", "items": {"type": "string"}}),
    ] = Field(default={}, description="Properties that must not be empty, each with what is written there else")


class DedupeEntry(Entry):
    """Why a person is contacted: one intent per person and period, whatever the source."""

    intent: Name | None = Field(None, description="The reason; the sequence itself when not given")
    period: Duration = Field(timedelta(days=30), alias="for", description="How long the intent is taken")


FLAGS = ("none", *(name for name, action in ACTIONS.items() if action.is_flag))


def _expected(value: object) -> object:
    if isinstance(value, str) and value not in FLAGS:
        flags = ", ".join(f"`{name}`" for name in FLAGS)
        named = (f'{{{name}: "{action.example}"}}' for name, action in ACTIONS.items() if not action.is_flag)
        raise ValueError(f"write {flags}, or what it is directed at as {' or '.join(named)}")
    return {value: True} if isinstance(value, str) else value


class _Expected(Entry):
    """What an example must come to: no action, or one of those below."""

    none: Literal[True] | None = None

    def named(self) -> tuple[str, str]:
        """Return the verdict that is expected, and what it is directed at, empty where it names nothing."""
        for name in ACTIONS:
            if value := getattr(self, name):
                return name, "" if value is True else value
        return "none", ""


if TYPE_CHECKING:
    ExpectEntry = _Expected  # the actions' own fields are read by their names
else:
    ExpectEntry = create_model(
        "ExpectEntry",
        __base__=_Expected,
        __doc__=_Expected.__doc__,
        **{name: (Literal[True] | None if one.is_flag else one.expected | None, None) for name, one in ACTIONS.items()},
    )


class ExampleEvent(Entry):
    """An event in an example; what is left out is absent."""

    id: Text | None = None
    type: str | None = None
    occurred_at: datetime | None = None
    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    name: Text | None = None
    company: Text | None = None
    exit: bool = False
    data: dict[str, Any] = Field(default={})
    answers: dict[str, str | list[str]] = Field(default={})
    received_at: AwareDatetime | None = Field(None, description="What now() is; else occurred_at")


class ExampleEntry(Entry):
    """A test beside the rule that it tests."""

    name: Text
    event: ExampleEvent
    expect: Annotated[
        ExpectEntry,
        BeforeValidator(_expected),
        AlsoWritten({"enum": list(FLAGS)}),
    ]


class RuleKeys(Entry):
    """The keys of a rule beside what it does."""

    id: Name
    description: str | None = None
    source: Text = Field(description="A name of `sources`")
    type: Types = Field(description="The event types it listens to")
    account: Name | None = Field(None, description="A name of `accounts`; needed where there are several")
    when: Cel | None = Field(None, description="The condition; without it every event of these types matches")
    continue_: bool = Field(default=False, alias="continue", strict=True, description="Look at later rules too")
    on_error: Literal["next", "stop"] | None = Field(
        None,
        description="What follows when the condition cannot be evaluated: `next` looks at the next rule, `stop` at no "
        "other. `stop` where the rule ignores, cancels or unenrolls, else `next`",
    )
    contact: ContactEntry = ContactEntry()
    priority: int = Field(
        0, ge=-1000, le=1000, strict=True, description="Of a person's enrollments the highest goes first"
    )
    owner: Text = Field(KEEP, description="Who the contact is given to: `keep`, `sender`, or a name of `senders`")
    overwrite: bool = Field(default=False, strict=True, description="Give it also where it has an owner")
    if_already_enrolled: IfEnrolled = Field(
        IfEnrolled.SKIP, description="What follows when it is in a sequence already"
    )
    dedupe: DedupeEntry = DedupeEntry()
    examples: list[ExampleEntry] = Field(default=[])

    def actions(self) -> list[str]:
        """Return the names of what the rule does: one, where it is right."""
        return [name for name in ACTIONS if getattr(self, name)]


if TYPE_CHECKING:
    RuleEntry = RuleKeys  # the actions' own fields are read by their names
else:
    RuleEntry = create_model(
        "RuleEntry",
        __base__=RuleKeys,
        __doc__="One rule: which events it listens to, and what follows.",
        **{name: action.field() for name, action in ACTIONS.items()},
    )
