"""What `/api/v1/rules` and `/api/v1/rulebooks` take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.web.fields import Storable

MISTAKE: dict[str, Any] = {
    "file": "rules.yaml",
    "line": 41,
    "column": 9,
    "message": "unknown field event.plann",
    "level": "error",
}
REJECTED: dict[str, Any] = {
    "at": "2026-11-23T13:05:00Z",
    "rejected_by": "marta",
    "origin": "192.0.2.7",
    "mistakes": [MISTAKE],
}
FAILING: dict[str, Any] = {"example": "a small company", "difference": "expected none, got enroll 310001 by rule demo"}
RULE: dict[str, Any] = {
    "id": "demo-request",
    "file": "rules.yaml",
    "line": 21,
    "description": "Who asks for a demo and has a team",
    "source": "demo-form",
    "types": ["form_response"],
    "account": None,
    "when": "event.data.employees >= 50 && !is_free_mail(event.email)",
    "action": "enroll",
    "does": {"enroll": {"sequence": "310001", "sender": "emea"}, "dedupe": {"intent": "demo", "for": "30d"}},
    "goes_on": False,
    "stops_on_error": False,
    "examples": 3,
    "failing": [],
}
BOOK: dict[str, Any] = {
    "number": 7,
    "revision": "4f2c9a10be77",
    "stored_at": "2026-11-23T11:05:00Z",
    "installed_by": "marta",
    "accounts": ["main"],
}
RULES: dict[str, Any] = BOOK | {"rules": [RULE], "examples": 3, "failing": 0, "rejected": REJECTED}
DETAIL: dict[str, Any] = BOOK | {
    "documents": [{"file": "rules.yaml", "text": "version: 1\n"}],
    "against": "9b1e07d20c31",
    "diff": ["--- rules.yaml", "+++ rules.yaml", "@@ -21 +21 @@", "-    when: a", "+    when: b"],
}
DECISION: dict[str, Any] = {
    "verdict": "enroll",
    "reason": "matched",
    "sentence": "enroll 310001 by rule demo-request",
    "rule": "demo-request",
    "line": 21,
    "account": "main",
    "target": "310001",
    "sender": "emea",
    "intent": "demo",
    "properties": {"lead_source": "demo form"},
}
LOOKED: dict[str, Any] = {
    "rule": "demo-request",
    "file": "rules.yaml",
    "line": 21,
    "looked": "matched",
    "because": "its condition is true",
    "detail": "",
}
EVENT: dict[str, Any] = {"source": "demo-form", "type": "form_response", "email": "ada@corp.example"}
TRIED: dict[str, Any] = {
    "revision": "4f2c9a10be77",
    "heard": True,
    "decisions": [DECISION],
    "rules": [LOOKED],
}


class RuleMistake(BaseModel, json_schema_extra={"example": MISTAKE}):
    """One mistake in a rules file; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    message: str
    level: str


class RejectedRules(BaseModel, json_schema_extra={"example": REJECTED}):
    """The last rules that were rejected since the ones in force were put there; 200 mistakes of them at most.

    `rejected_by` is a token's name, `cli`, or `system` for a start, a signal, or a replica that follows others.
    """

    at: datetime
    rejected_by: str
    origin: str
    mistakes: list[RuleMistake]


class FailingExample(BaseModel, json_schema_extra={"example": FAILING}):
    """An example of a rule that does not come to what it expects."""

    model_config = ConfigDict(from_attributes=True)

    example: str
    difference: str


class RuleRow(BaseModel):
    """One rule, as it is written: variables stand there by their names.

    `does` has the keys of what it does. `goes_on`: later rules are looked at, too. `stops_on_error`: no later rule is,
    where its condition cannot be evaluated. `examples` is their number, `failing` are those that fail.
    """

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"example": RULE})

    id: str
    file: str
    line: int
    description: str | None
    source: str
    types: list[str]
    account: str | None
    when: str | None
    action: str
    does: dict[str, Any]
    goes_on: bool
    stops_on_error: bool
    examples: int
    failing: list[FailingExample]


class RulebookRow(BaseModel, json_schema_extra={"example": BOOK}):
    """Rules that were put in force: when, and by whom: a token's name, `cli` or `system`.

    `installed_by` is null where that was not yet kept. `accounts` are those that the rules enroll into.
    """

    number: int
    revision: str
    stored_at: datetime
    installed_by: str | None
    accounts: list[str]


class RulesInForceRow(RulebookRow, json_schema_extra={"example": RULES}):
    """The rules in force. `examples` is the number of their examples, `failing` that of those that fail."""

    rules: list[RuleRow]
    examples: int
    failing: int
    rejected: RejectedRules | None


class RulebookPage(BaseModel, json_schema_extra={"example": {"items": [BOOK], "next_cursor": None}}):
    """One page of rulebooks, newest first."""

    items: list[RulebookRow]
    next_cursor: int | None


class RulesDocument(BaseModel, json_schema_extra={"example": {"file": "rules.yaml", "text": "version: 1\n"}}):
    """One file, with `***` in place of each secret that stands in it."""

    file: str
    text: str


class RulebookDetail(RulebookRow, json_schema_extra={"example": DETAIL}):
    """One rulebook, and how it differs from the revision `against` as a unified diff; null where there is none."""

    documents: list[RulesDocument]
    against: str | None
    diff: list[str]


class TryEvent(BaseModel, extra="forbid", json_schema_extra={"example": {"event": EVENT, "event_id": None}}):
    """The event that is tried: one in the form of the rules' examples with its `source`, or the id of a stored one."""

    event: dict[str, Any] | None = None
    event_id: Storable | None = Field(None, max_length=64)


class TriedDecision(BaseModel, json_schema_extra={"example": DECISION}):
    """What would follow. `target` is the sequence, or what else the action is directed at."""

    verdict: str
    reason: str
    sentence: str
    rule: str | None
    line: int | None
    account: str | None
    target: str | None
    sender: str | None
    intent: str | None
    properties: dict[str, Any]


class LookedRule(BaseModel, json_schema_extra={"example": LOOKED}):
    """One rule that listens to the event: `looked` is matched, false, error or not_reached.

    `detail` has the values that a condition looked at which does not hold.
    """

    rule: str
    file: str
    line: int
    looked: str
    because: str
    detail: str


class TriedEvent(BaseModel, json_schema_extra={"example": TRIED}):
    """What the event would come to. `heard` says whether any rule listens to events like it. Nothing was written."""

    revision: str
    heard: bool
    decisions: list[TriedDecision]
    rules: list[LookedRule]
