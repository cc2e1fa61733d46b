"""What an admin changes of the rules: the file is checked and put in force, by the function that the API calls."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from app.console.page import ROOT, Confirm, Done, NotDone, Pages, Row, Visit
from app.console.rule_lines import url_of
from app.console.rule_words import SHORT, STAYS, file_name, finding, would_change
from app.console.text import exactly
from app.database.engine import busy_when_gone
from app.errors import RulebookError
from app.operators import Role
from app.rules.changed import changed_rules
from app.rules.lint import lint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.console.context import Console
    from app.process import Process
    from app.rules.rulebook import Rulebook

RULES = f"{ROOT}/rules"
MOST_FINDINGS = 20
SAMPLE = 10
DECIDES = (
    "Every process decides by it from then on. Enrollments that wait keep what their rules said when their events came."
)


def add(pages: Pages, console: Console) -> None:
    """Add the change."""
    change = _Reload(console.process)
    pages.change("/rules/reload", change.ask, change.reload, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class _Reload:
    process: Process

    async def ask(self, _: Visit) -> Confirm:
        process = self.process
        try:
            with busy_when_gone():
                new = await process.rulebook.foreseen()
        except RulebookError as error:
            return rejected(error)
        return await asyncio.to_thread(_asked, process.rulebook.current, new, _reads(process.settings.config))

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


def _reads(file: Path) -> str:
    kind = "every *.yaml in the folder" if file.is_dir() else "the file"
    return f"This process reads {kind} {file}, and the variables that it names."


def _asked(old: Rulebook | None, new: Rulebook, reads: str) -> Confirm:
    """Return what is asked about rules without a mistake. It compares each rule, which takes a while of many."""
    changed = changed_rules(old, new)
    in_force = {rule.id for rule in old.rules} if old else set()
    warnings = [finding(asdict(one)) for one in lint(new) if one.level == "warning"]
    return Confirm(
        title="Read the rules again?",
        button="Put them in force",
        back=RULES,
        consequences=(
            *would_change(old, new, changed),
            *_first(warnings, "more that is probably a mistake"),
            reads,
            DECIDES,
        ),
        count=len(changed),
        sample=tuple(
            Row(one.id, url_of(one.id) if one.id in in_force else None, f"{one.how}, {file_name(one.file)}:{one.line}")
            for one in changed[:SAMPLE]
        ),
    )


def rejected(error: RulebookError) -> Confirm:
    """Return the page that says what is wrong with the file."""
    found = [finding(asdict(one)) for one in error.mistakes]
    return Confirm(
        title="These rules cannot be put in force",
        button="",
        back=RULES,
        consequences=_first(found, "more finding"),
        impossible=f"{exactly(len(found), 'finding')}. {STAYS} Correct the file, then read it again.",
    )


def _first(found: Sequence[str], others: str) -> tuple[str, ...]:
    more = len(found) - MOST_FINDINGS
    return (*found[:MOST_FINDINGS], *((f"and {exactly(more, others)}",) if more > 0 else ()))
