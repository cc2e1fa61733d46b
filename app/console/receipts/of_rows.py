"""Stored rows as the facts of sentences: ids become names, by what HubSpot listed and by the rules in force. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.console.receipts.actions import target_named
from app.console.receipts.decision import DecisionFacts
from app.console.receipts.enrollment import EnrollmentFacts
from app.console.receipts.wording import FORGOTTEN_ADDRESS, person_named, rule_named
from app.model import ENROLL, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.catalogue.listing_store import Names
    from app.rules.rulebook import Rule, Rulebook

WHO = {"cancelled_by_operator": "by_operator", "cancelled_by_rule": "by_rule"}
AS_THEY_ARE = (
    *("rule", "updated_at", "due_at", "reason", "detail", "step", "sending_at", "enrolled_at", "confirmation"),
    *("ended", "ended_at", "ended_known", "ended_why", "replied_at"),
)


def enrollment_facts(
    row: Mapping[str, Any], journal: Sequence[Mapping[str, Any]], *, person: str, names: Names, book: Rulebook
) -> EnrollmentFacts:
    """Return the facts of an enrollment's row, as a person's story has it."""
    action = row["plan"].get("action", ENROLL)
    is_answered = row["hubspot_enrollment_id"] is not None or row["email"] == FORGOTTEN_ADDRESS
    return EnrollmentFacts(
        person=person_named(email=FORGOTTEN_ADDRESS) if row["email"] == FORGOTTEN_ADDRESS else person,
        target=target_of_row(row, names),
        state=State(row["state"]),
        action=action,
        description=description_of(book, row["rule"]),
        sender=names.sender(row["account"], row["sender_user_id"]) or row["sender"],
        has_answer=is_answered or action != ENROLL or row["state"] != State.ENROLLED,
        by=cancelled_by(journal, book),
        may_have_been_sent=row["may_have_been_sent"],
        **{name: row[name] for name in AS_THEY_ARE},
    )


def enrollment_of_event(became: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the enrollment of a decision as its own row, None where the decision made none."""
    if became["enrollment_id"] is None or became["state"] is None:
        return None
    started = (became["plan"] or {}).get("action") == "workflow" and became["triggered_at"] is not None
    return {
        **became,
        "id": became["enrollment_id"],
        "email": became["enrolled_email"],
        "reason": became["state_reason"],
        "detail": became["state_detail"],
        "may_have_been_sent": became["first_sending_at"] is not None or started,
    }


def decision_facts(row: Mapping[str, Any], *, person: str, names: Names, book: Rulebook) -> DecisionFacts:
    """Return the facts of a decision's row; of an event's page it also has what holds a duplicate's intent."""
    return DecisionFacts(
        person=person,
        verdict=row["verdict"],
        reason=row["reason"],
        at=row["decided_at"],
        rule=row["rule"],
        description=description_of(book, row["rule"]),
        line=row["line"],
        facts=row["facts"] or (),
        target=_asked_target(row, names, book),
        holder=_holder(row, names, book),
        until=row.get("until"),
    )


def target_of_row(row: Mapping[str, Any], names: Names) -> str:
    """Return what an enrollment's action is directed at, as people call it."""
    action = row["plan"].get("action", ENROLL)
    target = row["sequence"] or row["plan"].get("target", "")
    return target_named(action, target, names.sequence(row["account"], target))


def description_of(book: Rulebook, rule: str | None) -> str | None:
    """Return a rule's description in the rules in force, None where they have no such rule or it has none."""
    found = _rule(book, rule)
    return found.description if found else None


def cancelled_by(journal: Sequence[Mapping[str, Any]], book: Rulebook) -> str | None:
    """Return who cancelled an enrollment, or which rule did, as far as that is on record."""
    for line in reversed(journal):
        if (who := WHO.get(line["cause"])) and (name := line[who]):
            return rule_named(name, description_of(book, name)) if who == "by_rule" else str(name)
    return None


def _rule(book: Rulebook, id_: str | None) -> Rule | None:
    return next((rule for rule in book.rules if rule.id == id_), None)


def _asked_target(row: Mapping[str, Any], names: Names, book: Rulebook) -> str:
    """Return what a decision's rule is directed at: by its enrollment, else by the rule in force."""
    if row.get("plan") and row.get("sequence") is not None:
        return target_of_row(row, names)
    rule = _rule(book, row["rule"])
    if rule is None or rule.enroll is None:
        return ""
    request = rule.enroll.request
    target, account = request.sequence or request.plan.target, book.accounts[request.account].name
    return target_named(request.plan.action, target, names.sequence(account, target))


def _holder(row: Mapping[str, Any], names: Names, book: Rulebook) -> str | None:
    """Return the enrollment that has a duplicate's intent, as people call it."""
    if not row.get("holder_id"):
        return None
    held = {"plan": row["holder_plan"], "sequence": row["holder_sequence"], "account": row["holder_account"]}
    rule = rule_named(row["holder_rule"], description_of(book, row["holder_rule"]))
    return f"{rule} for {target_of_row(held, names)}"
