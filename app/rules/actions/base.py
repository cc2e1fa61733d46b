"""The description of an action, and the context in which its entry is compiled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from app.model import Intent
from app.rules.file.values import HubSpotId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.model import Account
    from app.rules.compile.senders import SenderCompiler
    from app.rules.compile.windows import WindowCompiler
    from app.rules.expressions import Expression
    from app.rules.file.diagnostics import Diagnostics
    from app.rules.file.parse import Part
    from app.rules.file.parsed import Place
    from app.rules.file.rule_entries import RuleKeys
    from app.rules.rulebook import EnrollAction

SET, REQUIRE = ("contact", "set"), ("contact", "require")
EACH = Intent("", timedelta())  # every such event acts, whatever came before it for the same person
FIRST = 32_767  # above any priority that a rule can set: it acts before the person's waiting enrollments


@dataclass(frozen=True, slots=True)
class RuleAction:
    """One action of rules.

    `entry` is the model of the value under its key, None for a flag, which is written as `true`. `keys` are the paths
    of a rule's other keys that the action uses. `expected` is the type of the target that an example may expect, where
    the action is no flag, and `example` is one such target. An action that `guards` keeps people from being enrolled:
    a rule of it that cannot be evaluated stops the rules after it, where it does not say otherwise.
    """

    description: str
    keys: frozenset[tuple[str, ...]]
    compile: Callable[[RuleContext], EnrollAction | None]
    entry: type[Any] | None = None
    expected: Any = HubSpotId
    example: str = ""
    guards: bool = False

    @property
    def is_flag(self) -> bool:
        """Tell whether the action is written as `true`."""
        return self.entry is None

    def field(self) -> tuple[Any, Any]:
        """Return the action's field of the model of a rule."""
        if self.entry is None:
            flag: Any = Field(default=False, strict=True, description=self.description)
            return bool, flag
        field: Any = Field(None, description=self.description)
        return self.entry | None, field


class SharedContext(NamedTuple):
    """What all rules of a load share. `resolve_account` notes a rule whose account is missing or ambiguous."""

    diagnostics: Diagnostics
    senders: SenderCompiler
    windows: WindowCompiler
    accounts: Mapping[str, Account]
    resolve_account: Callable[..., str]


@dataclass(frozen=True, slots=True)
class RuleContext:
    """One rule during its compilation: its keys, the value under its action's key, and its place in the file."""

    keys: RuleKeys
    value: Any
    part: Part
    place: Place
    shared: SharedContext

    def note(self, path: Place, message: str, *, key: bool = False) -> None:
        """Note a mistake at a path within the rule."""
        self.shared.diagnostics.note(self.part, (*self.place, *path), message, key=key)

    def account(self) -> str:
        """Return the rule's account; note the properties that the rule may not write there."""
        account = self.shared.resolve_account(self.keys.account, self.part, self.place)
        self._require_writable(account)
        return account

    def _require_writable(self, account: str) -> None:
        known = self.shared.accounts.get(account)
        filled = [name for name, value in self.keys.contact.require.items() if value]
        for section, names in (("set", list(self.keys.contact.set)), ("require", filled)):
            for name in names:
                if known is not None and not known.may_write(name):
                    what = "is not among the account's `writable`" if known.writable is not None else "is HubSpot's own"
                    self.note(("contact", section, name), f"{name!r} {what}: rules may not write it", key=True)

    def require_unenroll(self, key: str, account: str) -> None:
        """Note that the account cannot take contacts out of sequences, where that is so."""
        known = self.shared.accounts.get(account)
        if known is not None and known.unenroll is None:
            message = f"account {account!r} has no `unenroll:`, which says how contacts are taken out of sequences"
            self.note((key,), message)

    def write_back(self, account: str) -> tuple[tuple[str, str], ...]:
        """Return the account's write-backs, the properties in which its contacts say why they were written."""
        known = self.shared.accounts.get(account)
        return known.write_back if known else ()

    def properties(self) -> dict[str, Expression]:
        """Return the properties that the rule writes to the contact."""
        return {
            name: expression
            for name, text in self.keys.contact.set.items()
            if (expression := self.expression(text, ("contact", "set", name)))
        }

    def expression(self, text: str, path: Place) -> Expression | None:
        """Return the compiled expression, None (noted) where it cannot be compiled."""
        return self.shared.diagnostics.expression(text, self.part, (*self.place, *path))

    def defaults(self) -> tuple[tuple[str, str], ...]:
        """Return the values that are written where a required property is empty."""
        return tuple((name, value) for name, value in self.keys.contact.require.items() if value)
