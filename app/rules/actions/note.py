"""`note`: write the contact, and a note on its timeline."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from app.model import EnrollRequest, Plan
from app.rules.actions.base import EACH, SET, RuleAction, RuleContext
from app.rules.file.values import Entry, Text
from app.rules.rulebook import EnrollAction

LONGEST_NOTE = 65_536  # characters of `hs_note_body` (HubSpot's notes guide)
Body = Annotated[Text, StringConstraints(strip_whitespace=True, max_length=LONGEST_NOTE)]


class NoteEntry(Entry):
    """The note that is written on the contact's timeline."""

    body: Body = Field(description="The note's text")


def compiled(context: RuleContext) -> EnrollAction:
    """Return what a match asks for."""
    account = context.account()
    plan = Plan(action="note", target=context.value.body, write_back=context.write_back(account))
    return EnrollAction(EnrollRequest(account, plan, EACH), context.properties())


ACTION = RuleAction(
    description="Write a note on the contact",
    keys=frozenset({SET}),
    compile=compiled,
    entry=NoteEntry,
    expected=Body,
    example="Came to the webinar",
)
