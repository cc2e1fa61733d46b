"""Rules as the operator wrote them -> rules as events are matched against them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.model import CONTACT_OWNER, KEEP, OF_SENDER, Action, IfEnrolled, Intent, OnSenderFull, Plan
from app.rules.compile.allowed_keys import DOES, require_heeded
from app.rules.file.recovery import UNKNOWN
from app.rules.rulebook import EnrollAction, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.model import Account
    from app.rules.compile.senders import People
    from app.rules.compile.windows import Timings
    from app.rules.expressions import Expression
    from app.rules.file.diagnostics import Findings, Place
    from app.rules.file.parse import Part
    from app.rules.file.schema import EnrollEntry, RuleEntry, WorkflowEntry

FIRST = 32_767  # before anything else of the same person: what waits may have a priority of its own


class Rules:
    """Compiles rules. What they name is checked only when every file could be read (`complete`).

    `account_of` returns the account that a rule means, and notes where none can be told.
    """

    def __init__(
        self,
        parts: list[Part],
        findings: Findings,
        people: People,
        timings: Timings,
        accounts: Mapping[str, Account],
        account_of: Callable[..., str],
        *,
        complete: bool,
    ) -> None:
        self._findings = findings
        self._people = people
        self._timings = timings
        self._accounts = accounts
        self._account_of = account_of
        mended = {section for part in parts for section in part.mended}
        known = {UNKNOWN, *(name for part in parts for name in part.file.sources)}
        self._sources = known if complete and "sources" not in mended else None

    def compiled(self, parts: list[Part]) -> tuple[Rule, ...]:
        """Return the rules in their order."""
        made: dict[str, Rule] = {}
        for part in parts:
            for number, entry in enumerate(part.file.rules):
                place = ("rules", number)
                if entry.id in made:
                    wrong = part.parsed.written((*place, "id"))
                    self._findings.note(part, (*place, "id"), f"another rule is called {wrong!r} already")
                if self._sources is not None and entry.source not in self._sources:
                    wrong = part.parsed.written((*place, "source"))
                    self._findings.note(part, (*place, "source"), f"there is no source {wrong!r} in `sources`")
                made.setdefault(entry.id, self._rule(entry, part, place))
        return tuple(made.values())

    def _rule(self, entry: RuleEntry, part: Part, place: Place) -> Rule:
        if sum(bool(getattr(entry, name)) for name in DOES) != 1:
            told = "it does one thing: write one of `enroll`, `workflow`, `update: true`, `cancel: true`, "
            told += "`unenroll: true` and `ignore: true`"
            self._findings.note(part, place, f"rule {part.parsed.written((*place, 'id'))!r}: {told}")
        require_heeded(entry, part, place, self._findings)
        when = self._findings.expression(entry.when, part, (*place, "when")) if entry.when else None
        return Rule(
            id=entry.id,
            file=part.parsed.file,
            line=part.parsed.line(place),
            source=entry.source,
            types=tuple(entry.type),
            when=when,
            goes_on=entry.continue_,
            stops_on_error=entry.on_error == "stop",
            enroll=self._action(entry, part, place),
            examples=tuple(entry.examples),
        )

    def _action(self, entry: RuleEntry, part: Part, place: Place) -> EnrollAction | None:
        """Return what is done for the person, None for a rule that ignores."""
        if entry.enroll is not None:
            return self._enrolling(entry, entry.enroll, part, place)
        if entry.workflow is not None:
            return self._putting_into(entry, entry.workflow, part, place)
        if not (entry.update or entry.cancel or entry.unenroll):
            if entry.account is not None:
                self._account_of(entry.account, part, place)
            return None
        account = self._account_of(entry.account, part, place)
        self._require_writable(entry, account, part, place)
        if entry.unenroll:
            self._require_bridge("unenroll", account, part, place)
        action = Action.UPDATE if entry.update else Action.CANCEL if entry.cancel else Action.UNENROLL
        return EnrollAction(
            account=account,
            sequence="",
            plan=Plan(action=action, write_back=self._write_back(account) if entry.update else ()),
            properties=self._properties(entry, part, place) if entry.update else {},
            require=(),
            # Each such event counts: nobody's earlier one stands in its way.
            intent=Intent("", timedelta()),
            priority=0 if entry.update else FIRST,
        )

    def _putting_into(self, entry: RuleEntry, workflow: WorkflowEntry, part: Part, place: Place) -> EnrollAction:
        account = self._account_of(entry.account, part, place)
        self._require_writable(entry, account, part, place)
        return EnrollAction(
            account=account,
            sequence="",
            plan=Plan(
                defaults=_defaults(entry),
                action=Action.WORKFLOW,
                workflow=workflow.id,
                write_back=self._write_back(account),
            ),
            properties=self._properties(entry, part, place),
            require=tuple(entry.contact.require),
            intent=Intent(entry.dedupe.intent or f"workflow:{workflow.id}", entry.dedupe.period),
            expires_after=workflow.expires_after,
            delay=workflow.delay,
            priority=entry.priority,
        )

    def _require_bridge(self, key: str, account: str, part: Part, place: Place) -> None:
        """Note where no way out of sequences is known for the account."""
        known = self._accounts.get(account)
        if known is not None and known.bridge is None:
            told = f"account {account!r} has no `unenroll:`, which says how contacts are taken out of sequences"
            self._findings.note(part, (*place, key), told)

    def _write_back(self, account: str) -> tuple[tuple[str, str], ...]:
        """Return where contacts of the account say why they were written."""
        known = self._accounts.get(account)
        return known.write_back if known else ()

    def _properties(self, entry: RuleEntry, part: Part, place: Place) -> dict[str, Expression]:
        return {
            name: expression
            for name, text in entry.contact.set.items()
            if (expression := self._findings.expression(text, part, (*place, "contact", "set", name)))
        }

    def _enrolling(self, entry: RuleEntry, enroll: EnrollEntry, part: Part, place: Place) -> EnrollAction:
        self._check_senders(enroll, part, (*place, "enroll"))
        account = self._account_of(entry.account, part, place)
        self._require_writable(entry, account, part, place)
        return EnrollAction(
            account=account,
            sequence=enroll.sequence,
            plan=self._plan(entry, enroll, account, part, place),
            properties=self._properties(entry, part, place),
            require=tuple(entry.contact.require),
            intent=Intent(entry.dedupe.intent or f"sequence:{enroll.sequence}", entry.dedupe.period),
            expires_after=enroll.expires_after,
            delay=enroll.delay,
            priority=entry.priority,
        )

    def _require_writable(self, entry: RuleEntry, account: str, part: Part, place: Place) -> None:
        """Note properties that rules may not write."""
        known = self._accounts.get(account)
        filled = [name for name, value in entry.contact.require.items() if value]
        for section, names in (("set", list(entry.contact.set)), ("require", filled)):
            for name in names:
                if known is not None and not known.may_write(name):
                    what = "is not among the account's `writable`" if known.writable is not None else "is HubSpot's own"
                    told = f"{name!r} {what}: rules may not write it"
                    self._findings.note(part, (*place, "contact", section, name), told, key=True)

    def _plan(self, entry: RuleEntry, enroll: EnrollEntry, account: str, part: Part, place: Place) -> Plan:
        timing = None
        if enroll.window is not None:
            by_owner, where = enroll.sender == CONTACT_OWNER, (*place, "enroll", "window")
            timing = self._timings.named(enroll.window, part, where, account=account, by_owner=by_owner)
        if entry.if_already_enrolled is IfEnrolled.REPLACE:
            self._require_bridge("if_already_enrolled", account, part, place)
        if entry.owner not in {KEEP, OF_SENDER}:
            self._people.sender(entry.owner, part, (*place, "owner"))
        return Plan(
            enroll.sender,
            enroll.fallback,
            enroll.on_sender_full,
            timing,
            entry.if_already_enrolled,
            entry.owner,
            entry.overwrite,
            _defaults(entry),
            write_back=self._write_back(account),
        )

    def _check_senders(self, enroll: EnrollEntry, part: Part, place: Place) -> None:
        self._people.named(enroll.sender, part, (*place, "sender"), owner=True)
        if enroll.fallback is not None:
            self._people.named(enroll.fallback, part, (*place, "fallback"), owner=False)
        alone = enroll.sender in self._people.senders or enroll.sender == CONTACT_OWNER
        if alone and enroll.fallback is None and enroll.on_sender_full is OnSenderFull.NEXT_SENDER:
            told = "there is no next sender: name a pool as `sender`, or somebody as `fallback`"
            self._findings.note(part, (*place, "on_sender_full"), told)


def _defaults(entry: RuleEntry) -> tuple[tuple[str, str], ...]:
    """Return what is written where a required property is empty."""
    return tuple((name, value) for name, value in entry.contact.require.items() if value)
