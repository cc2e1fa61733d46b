"""What is allowed but is probably a mistake: `segue rules check` lists it beside the mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import Mistake
from app.model import CONTACT_OWNER
from app.networks import is_unencrypted

if TYPE_CHECKING:
    from app.rules.rulebook import Rule, Rulebook


def lint(rulebook: Rulebook) -> list[Mistake]:
    """Return warnings (rules that can never match) and notes (what no rule names, rules without examples)."""
    return [
        *_unreachable(rulebook),
        *_stopping(rulebook),
        *_unencrypted(rulebook),
        *_unused(rulebook),
        *_untested(rulebook),
    ]


def _unreachable(rulebook: Rulebook) -> list[Mistake]:
    found = []
    for (source, kind), rules in rulebook.listeners.items():
        covering: Rule | None = None
        for rule in rules:
            if covering is not None:
                message = f"rule {rule.id!r} never sees {source} {kind!r}: rule {covering.id!r} (line {covering.line})"
                message = f"{message} above takes every one of them"
                found.append(Mistake(rule.file, rule.line, 1, message, "warning"))
            elif rule.when is None and not rule.goes_on:
                covering = rule
    return found


def _stopping(rulebook: Rulebook) -> list[Mistake]:
    """Return a note for each rule that stops the rules after it at an error, because of what it does."""
    followed = {rule.id: rules[-1].id for rules in rulebook.listeners.values() for rule in rules[:-1]}
    return [
        Mistake(
            rule.file,
            rule.line,
            1,
            f"where the condition of rule {rule.id!r} cannot be evaluated, say for a missing field, no rule after it "
            f"is looked at (to {followed[rule.id]!r}): write `on_error`, or ask with has() first",
            "note",
        )
        for rule in rulebook.rules
        if rule.id in followed and rule.when is not None and rule.stops_on_error and not rule.says_on_error
    ]


def _unencrypted(rulebook: Rulebook) -> list[Mistake]:
    message = "has an http address, so that the people in its events can be read on their way: write https"
    file = rulebook.documents[0].file if rulebook.documents else "rules"
    return [
        Mistake(file, 1, 1, f"endpoint {endpoint.name!r} {message}", "note")
        for endpoint in rulebook.endpoints.values()
        if is_unencrypted(endpoint.url)
    ]


def _unused(rulebook: Rulebook) -> list[Mistake]:
    file = rulebook.documents[0].file if rulebook.documents else "rules"
    plans = [rule.enroll.request.plan for rule in rulebook.rules if rule.enroll]
    named = {name for plan in plans for name in (plan.sender, plan.fallback)}
    pooled = {member for pool in rulebook.pools.values() for member, _ in pool.members}
    sources = {rule.source for rule in rulebook.rules}
    unused = [f"pool {name!r} is named by no rule" for name in rulebook.pools if name not in named]
    if CONTACT_OWNER not in named:  # an owner may then send from an inbox of `senders` that no rule names
        unused += [
            f"sender {name!r} is named by no rule and no pool"
            for name in rulebook.senders
            if name not in named | pooled
        ]
    if not rulebook.store_unheard:
        unused += [f"source {name!r} is listened to by no rule" for name in rulebook.sources if name not in sources]
    return [Mistake(file, 1, 1, message, "note") for message in unused]


def _untested(rulebook: Rulebook) -> list[Mistake]:
    return [
        Mistake(rule.file, rule.line, 1, f"rule {rule.id!r} has no examples", "note")
        for rule in rulebook.rules
        if not rule.examples
    ]
