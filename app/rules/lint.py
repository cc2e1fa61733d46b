"""What is allowed but is hardly meant: told by `check` beside the mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import Mistake
from app.model import CONTACT_OWNER

if TYPE_CHECKING:
    from app.rules.rulebook import Rule, Rulebook


def lint(book: Rulebook) -> list[Mistake]:
    """Return warnings (rules that can never match) and notes (what no rule names, rules without examples)."""
    return [*_unreachable(book), *_unused(book), *_untested(book)]


def _warning(rule: Rule, message: str) -> Mistake:
    return Mistake(rule.file, rule.line, 1, message, "warning")


def _unreachable(book: Rulebook) -> list[Mistake]:
    found = []
    for (source, kind), rules in book.listeners.items():
        covering: Rule | None = None
        for rule in rules:
            if covering is not None:
                told = f"rule {rule.id!r} never sees {source} {kind!r}: rule {covering.id!r} (line {covering.line})"
                found.append(_warning(rule, f"{told} above takes every one of them"))
            elif rule.when is None and not rule.goes_on:
                covering = rule
    return found


def _unused(book: Rulebook) -> list[Mistake]:
    file = book.documents[0].file if book.documents else "rules"
    named = {
        name for rule in book.rules if rule.enroll for name in (rule.enroll.plan.sender, rule.enroll.plan.fallback)
    }
    pooled = {member for pool in book.pools.values() for member, _ in pool.members}
    sources = {rule.source for rule in book.rules}
    unused = [f"pool {name!r} is named by no rule" for name in book.pools if name not in named]
    if CONTACT_OWNER not in named:  # whose inbox `senders` may name without any rule doing so
        unused += [
            f"sender {name!r} is named by no rule and no pool" for name in book.senders if name not in named | pooled
        ]
    if not book.store_unheard:
        unused += [f"source {name!r} is listened to by no rule" for name in book.sources if name not in sources]
    return [Mistake(file, 1, 1, told, "note") for told in unused]


def _untested(book: Rulebook) -> list[Mistake]:
    return [
        Mistake(rule.file, rule.line, 1, f"rule {rule.id!r} has no examples", "note")
        for rule in book.rules
        if not rule.examples
    ]
