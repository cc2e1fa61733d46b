"""The contact properties that rules name, each with its place and what is known of its values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.model import DECISION, OF_CONTACT, UnenrollWorkflow
from app.rules.file.places import FilePlace, Places
from app.rules.known_values import KnownValue, known_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.rules.rulebook import EnrollAction, Rule, Rulebook

EXAMPLE = "dec_019ab2c3d4e5f60718293a4b5c6d7e83"
NOWHERE = FilePlace("rules", 1, 1)


@dataclass(frozen=True, slots=True)
class NamedProperty:
    """One property where the rules file names it: `key` says by which key, for people.

    `writes` says whether anything is written there; `known` is what is known of that beforehand. A value that does not
    fit is left out where it is `optional`. What is `literal` is written as it stands, not fitted.
    """

    name: str
    key: str
    place: FilePlace
    writes: bool = True
    known: KnownValue | None = None
    optional: bool = False
    literal: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: {self.name}"


@dataclass(frozen=True, slots=True)
class WriteBack:
    """A contact property that says why a contact was enrolled: by its source, rule or decision (`fact`).

    `values` are what the rules write there; for decisions one example, since each has an id of its own.
    """

    fact: str
    name: str
    values: tuple[str, ...]
    place: FilePlace = NOWHERE


def named_properties(book: Rulebook, key: str) -> tuple[NamedProperty, ...]:
    """Return the properties that the rules of the account `key` name, and its `unenroll`; write-backs stand apart."""
    places = Places(book.documents)
    found = [one for rule in book.rules for one in _of_rule(rule, key, places)]
    bridge = book.accounts[key].unenroll or UnenrollWorkflow()
    if bridge.contact_property is not None:
        place = places.in_account(key, ("unenroll", "property"))
        known = KnownValue(bridge.value, repr(bridge.value), exact=True)
        found.append(
            NamedProperty(bridge.contact_property, f"account {key}, `unenroll`", place, known=known, literal=True)
        )
    return tuple(found)


def write_backs(book: Rulebook, key: str) -> tuple[WriteBack, ...]:
    """Return the write-backs of an account with what its rules write there: not every rule writes a contact."""
    rules = [
        rule
        for rule in book.rules
        if rule.enroll and rule.enroll.request.account == key and rule.enroll.request.plan.write_back
    ]
    values = {
        "source": tuple(dict.fromkeys(rule.source for rule in rules)),
        "rule": tuple(rule.id for rule in rules),
        DECISION: (EXAMPLE,),
    }
    places = Places(book.documents)
    return tuple(
        WriteBack(fact, name, values[fact], places.in_account(key, ("write_back", fact)))
        for fact, name in book.accounts[key].write_back
    )


def _of_rule(rule: Rule, account: str, places: Places) -> Iterator[NamedProperty]:
    if rule.enroll is None or rule.enroll.request.account != account:
        return
    action = rule.enroll
    for name, expression in action.properties.items():
        place = places.in_rule(rule.file, rule.line, ("contact", "set", name))
        key = f"rule {rule.id}, `contact.set`"
        yield NamedProperty(name, key, place, known=known_value(expression), optional=True)
    for name, known in _required(action):
        place = places.in_rule(rule.file, rule.line, ("contact", "require", name))
        key = f"rule {rule.id}, `contact.require`"
        yield NamedProperty(name, key, place, writes=known is not None, known=known)
    if action.request.plan.timing is not None and action.request.plan.timing.zone == OF_CONTACT:
        place, key = places.in_rule(rule.file, rule.line, ("enroll", "window")), f"rule {rule.id}, `window`"
        yield NamedProperty(action.request.plan.timing.contact_property, key, place, writes=False)


def _required(action: EnrollAction) -> Iterator[tuple[str, KnownValue | None]]:
    """Return the required properties, each with its default, None where it has none."""
    defaults = dict(action.request.plan.defaults)
    for name in action.request.require:
        default = defaults.get(name)
        yield name, KnownValue(default, repr(default), exact=True) if default is not None else None
