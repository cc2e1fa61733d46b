"""An enrollment as a line of a list. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.console.enrollment_words import person_of
from app.console.page import ROOT
from app.console.receipts.of_rows import target_of_row
from app.console.receipts.wording import as_sentence
from app.console.states import shown
from app.console.text import masked
from app.enrollments.reasons import why
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.catalogue.listing_store import Names


@dataclass(frozen=True, slots=True)
class Line:
    """One enrollment. `mark` and `word` are its state's; `code` stands below the sentence `why`."""

    id: str
    url: str
    at: datetime
    person: str
    address: str
    target: str
    mark: str
    word: str
    why: str
    code: str | None
    rule: str
    source: str
    sender: str | None
    changed_at: datetime


def line_of(row: Mapping[str, Any], names: Names) -> Line:
    """Return an enrollment's row with the names of its event as a line; `names` are what HubSpot listed last."""
    person, (mark, word) = person_of(row), shown(row["state"])
    return Line(
        id=row["id"],
        url=f"{ROOT}/enrollments/{row['id']}",
        at=row["created_at"],
        person=person,
        address=masked(row["email"]) if "@" in row["email"] else "",
        target=target_of_row(row, names),
        mark=mark,
        word=_word(row, word),
        why=as_sentence(why(State(row["state"]), row["reason"], name=person).clause) if row["reason"] else "",
        code=row["reason"],
        rule=row["rule"],
        source=row["source"],
        sender=names.sender(row["account"], row["sender_user_id"]) or row["sender"],
        changed_at=row["updated_at"],
    )


def _word(row: Mapping[str, Any], word: str) -> str:
    if row["replied_at"]:
        return f"{word}, replied"
    return f"{word}, ended" if row["ended"] else word
