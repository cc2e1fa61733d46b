"""What an admin changes of the rules: the file is checked and put in force, by the function that the API calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console.page import ROOT, Confirm, Done, NotDone, Pages, Visit
from app.console.rule_words import SHORT, STAYS, finding
from app.console.text import exactly
from app.database.engine import busy_when_gone
from app.errors import RulebookError
from app.operators import Role

if TYPE_CHECKING:
    from app.console.context import Console
    from app.process import Process

RULES = f"{ROOT}/rules"
MOST_FINDINGS = 20
DECIDES = (
    "Where it has no mistake, every process decides by it from then on. Enrollments that wait keep what their rules "
    "said when their events came."
)


def add(pages: Pages, console: Console) -> None:
    """Add the change."""
    change = _Reload(console.process)
    pages.change("/rules/reload", change.ask, change.reload, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class _Reload:
    process: Process

    async def ask(self, _: Visit) -> Confirm:
        file = self.process.settings.config
        kind = "every *.yaml in the folder" if file.is_dir() else "the file"
        return Confirm(
            title="Read the rules again?",
            button="Check them, and put them in force",
            back=RULES,
            consequences=(
                f"This process reads {kind} {file}, and the variables that it names.",
                DECIDES,
                f"Where it has one, all its mistakes are shown. {STAYS}",
            ),
        )

    async def reload(self, _: Visit) -> Done:
        rulebook = self.process.rulebook
        before = rulebook.number
        try:
            with busy_when_gone():
                book = await rulebook.reload()
        except RulebookError as error:
            raise NotDone(rejected(error)) from error
        what = f"{exactly(len(book.rules), 'rule')}, {exactly(len(book.sources), 'source')}"
        same = rulebook.number == before
        is_now = "was in force already: only the variables were read anew" if same else "is in force now"
        return Done(RULES, f"{book.revision[:SHORT]} {is_now}; {what}.")


def rejected(error: RulebookError) -> Confirm:
    """Return the page that says what is wrong with the file."""
    found = [
        finding({"file": one.file, "line": one.line, "column": one.column, "message": one.message})
        for one in error.mistakes
    ]
    more = len(found) - MOST_FINDINGS
    return Confirm(
        title="The rules were rejected",
        button="",
        back=RULES,
        consequences=(*found[:MOST_FINDINGS], *((f"and {exactly(more, 'more finding')}",) if more > 0 else ())),
        impossible=f"{exactly(len(found), 'finding')}. {STAYS} Correct the file, then read it again.",
    )
