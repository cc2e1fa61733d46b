"""What every action of rules has, and what it is compiled with."""

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
    from app.rules.compile.senders import People
    from app.rules.compile.windows import Timings
    from app.rules.expressions import Expression
    from app.rules.file.diagnostics import Findings, Place
    from app.rules.file.parse import Part
    from app.rules.file.schema import RuleKeys
    from app.rules.rulebook import EnrollAction

SET, REQUIRE = ("contact", "set"), ("contact", "require")
EACH = Intent("", timedelta())  # each such event counts: an earlier one of the person does not stand in its way
FIRST = 32_767  # before anything else of the same person: what waits may have a priority of its own


@dataclass(frozen=True, slots=True)
class RuleAction:
    """One thing that rules may do.

    `entry` is the model of what stands under its key, None for a flag, which is written as `true`. `keys` are the paths
    of a rule's other keys that mean something for it. `expected` is the type of what an example may expect it to be
    directed at, where it is no flag, and `example` one such value.
    """

    description: str
    keys: frozenset[tuple[str, ...]]
    compile: Callable[[RuleContext], EnrollAction | None]
    entry: type[Any] | None = None
    expected: Any = HubSpotId
    example: str = ""

    @property
    def is_flag(self) -> bool:
        """Tell whether it is written as `true`."""
        return self.entry is None

    def field(self) -> tuple[Any, Any]:
        """Return the field of a rule's entry."""
        if self.entry is None:
            flag: Any = Field(default=False, strict=True, description=self.description)
            return bool, flag
        field: Any = Field(None, description=self.description)
        return self.entry | None, field


class Compiler(NamedTuple):
    """What all rules of a rulebook are compiled with. `account_of` notes where no account can be told."""

    findings: Findings
    people: People
    timings: Timings
    accounts: Mapping[str, Account]
    account_of: Callable[..., str]


@dataclass(frozen=True, slots=True)
class RuleContext:
    """One rule that is compiled: its keys, what stands under its action's key, and where it is written."""

    keys: RuleKeys
    value: Any
    part: Part
    place: Place
    compiler: Compiler

    def note(self, path: Place, message: str, *, key: bool = False) -> None:
        """Note a mistake at a path within the rule."""
        self.compiler.findings.note(self.part, (*self.place, *path), message, key=key)

    def account(self) -> str:
        """Return the account that the rule means; note what it writes and may not."""
        account = self.compiler.account_of(self.keys.account, self.part, self.place)
        self._require_writable(account)
        return account

    def _require_writable(self, account: str) -> None:
        known = self.compiler.accounts.get(account)
        filled = [name for name, value in self.keys.contact.require.items() if value]
        for section, names in (("set", list(self.keys.contact.set)), ("require", filled)):
            for name in names:
                if known is not None and not known.may_write(name):
                    what = "is not among the account's `writable`" if known.writable is not None else "is HubSpot's own"
                    self.note(("contact", section, name), f"{name!r} {what}: rules may not write it", key=True)

    def require_unenroll(self, key: str, account: str) -> None:
        """Note where the account has no way out of sequences."""
        known = self.compiler.accounts.get(account)
        if known is not None and known.unenroll is None:
            message = f"account {account!r} has no `unenroll:`, which says how contacts are taken out of sequences"
            self.note((key,), message)

    def write_back(self, account: str) -> tuple[tuple[str, str], ...]:
        """Return where contacts of the account say why they were written."""
        known = self.compiler.accounts.get(account)
        return known.write_back if known else ()

    def properties(self) -> dict[str, Expression]:
        """Return what the rule writes to the contact."""
        return {
            name: expression
            for name, text in self.keys.contact.set.items()
            if (expression := self.expression(text, ("contact", "set", name)))
        }

    def expression(self, text: str, path: Place) -> Expression | None:
        """Return a compiled expression; note where it cannot be compiled."""
        return self.compiler.findings.expression(text, self.part, (*self.place, *path))

    def defaults(self) -> tuple[tuple[str, str], ...]:
        """Return what is written where a required property is empty."""
        return tuple((name, value) for name, value in self.keys.contact.require.items() if value)
