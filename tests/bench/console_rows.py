"""Rows of an installation as years of traffic leave them, made by PostgreSQL from their numbers. Pure.

Ten events make one enrollment, and ten events one person. `n` counts events from 1 to the newest, in the order of time;
tables with fewer rows count in steps. Rows are of the last days, 30 where nothing else is said: none is older than
the retention, and every event has its payload.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

DAYS = 30
ACCOUNT = "default"
KEY_DAYS = 7  # for which keys of events are kept
EVENTS_OF_AN_ENROLLMENT = EVENTS_OF_A_PERSON = 10
FREQUENT = 5000  # every so-manieth event is of one person

SOURCE = """CASE WHEN n % 200000 = 1 THEN 's15' WHEN {2} % 100 < 40 THEN 'crm' WHEN {2} % 100 < 60 THEN 'open'
    WHEN {2} % 100 < 75 THEN 'webinar' WHEN {2} % 100 < 85 THEN 'portal' ELSE 's' || {2} % 15 END"""
TYPE = """CASE WHEN {2} % 100 < 40 THEN (ARRAY['signup', 'signup', 'lead.updated', 'lead.closed'])[1 + {3} % 4]
    WHEN {2} % 100 < 60 THEN (ARRAY['ping', 'form'])[1 + {3} % 2]
    WHEN {2} % 100 < 75 THEN 'webinar.registration_created' WHEN {2} % 100 < 85 THEN 'company.creation'
    ELSE (ARRAY['track', 'page', 'identify'])[1 + {3} % 3] END"""
RULE = """CASE WHEN {2} % 100 < 40 THEN 'signup' WHEN {2} % 100 < 60 THEN 'anything'
    WHEN {2} % 100 < 75 THEN 'registered' ELSE 'r' || {2} % 40 END"""
SENDER = "CASE WHEN {2} % 100 < 75 THEN 'anna' ELSE 'b' || {2} % 8 END"
VERDICT = """CASE WHEN n % 10 = 0 THEN 'enroll' WHEN n % 10 = 1 THEN 'duplicate' WHEN n % 10 = 2 THEN 'ignore'
    WHEN n % 1000 = 3 THEN 'dropped' ELSE 'none' END"""
VERDICT_REASON = """CASE WHEN n % 10 = 0 THEN 'matched' WHEN n % 10 = 1 THEN 'duplicate of ' || {enr}
    ELSE 'its condition is false' END"""
EMAIL = """CASE WHEN n % {frequent} = 0 THEN 'ada0@corp.example' WHEN n % 20 = 7 THEN NULL
    ELSE 'p' || {1} % {people} || '@c' || {1} % {people} % 997 || '.example' END"""
DATA = """jsonb_build_object('type', 'signup', 'data', jsonb_build_object(
    'employees', n % 200, 'plan', 'plan' || n % 50))"""
BODY = f"""jsonb_build_object('type', 'signup', 'data', jsonb_build_object(
    'employees', n % 200, 'plan', 'plan' || n % 50, 'email', {EMAIL}))"""
# Of a thousand enrollments: twenty are parked, twenty are held, more than a page counts.
STATE = """CASE WHEN n % 1000000 = 10 THEN 'working' WHEN n % 1000000 = 20 THEN 'uncertain'
    WHEN {4} % 1000 < 900 THEN 'enrolled' WHEN {4} % 1000 < 935 THEN 'refused' WHEN {4} % 1000 < 945 THEN 'cancelled'
    WHEN {4} % 1000 < 955 THEN 'expired' WHEN {4} % 1000 < 975 THEN 'parked' WHEN {4} % 1000 < 995 THEN 'held'
    WHEN {4} % 1000 < 997 THEN 'ready' ELSE 'done' END"""
REASON = f"""CASE {STATE}
    WHEN 'refused' THEN
        (ARRAY['ALREADY_ENROLLED', 'UNSUBSCRIBED', 'BOUNCED', 'suppressed', 'missing_property'])[1 + {{5}} % 5]
    WHEN 'parked' THEN (ARRAY['no_sender', 'DISCONNECTED_INBOX', 'gave_up', 'unsettled'])[1 + {{5}} % 4]
    WHEN 'held' THEN (ARRAY['window', 'window', 'quota', 'account_not_connected'])[1 + {{5}} % 4]
    WHEN 'cancelled' THEN (ARRAY['by_operator', 'by_rule'])[1 + {{5}} % 2]
    WHEN 'expired' THEN 'expired' WHEN 'uncertain' THEN 'no_outcome' END"""
ENDED = f"""CASE WHEN {STATE} = 'enrolled' AND {{6}} % 3 < 2 AND n < {{events}} / 10 * 8 THEN
    (ARRAY['finished', 'finished', 'unenrolled', 'unknown'])[1 + {{5}} % 4] END"""
FACTS = """jsonb_build_array(jsonb_build_object('line', 20, 'rule', {rule}, 'error', false, 'matched', n % 10 < 2,
    'because', CASE WHEN n % 10 < 2 THEN 'its condition is true'
                    ELSE 'its condition is false: event.data.data.employees >= 50' END))"""
DEED = """(ARRAY['POST /api/v1/enrollments/release', 'POST /admin/parked/release', 'POST /admin/suppressions/add',
    'GET /api/v1/people/{{email}}', 'POST /-/reload', 'POST /admin/senders/{{sender}}/pause'])[1 + {8} % 6]"""


@dataclass(frozen=True, slots=True)
class Rows:
    """How one table is filled: a row for each `n` that `every` divides, its columns by their expressions.

    `more` follows FROM, where a row makes several; only the newest `newest` of `n` have rows.
    """

    table: str
    columns: Mapping[str, str]
    every: int = 1
    more: str = ""
    conflict: str = ""
    newest: int | None = None

    def statement(self) -> str:
        """Return the statement that fills it for $1 <= n <= $2."""
        names = ", ".join(f'"{name}"' for name in self.columns)
        values = ", ".join(self.columns.values())
        first = f"CAST($1 AS bigint) + ({self.every} - CAST($1 AS bigint) % {self.every}) % {self.every}"
        numbers = f"generate_series({first}, CAST($2 AS bigint), {self.every}) AS n"
        return f"INSERT INTO {self.table} ({names}) SELECT {values} FROM {numbers} {self.more} {self.conflict}"  # noqa: S608  # our own


class Installation:
    """Expressions of one installation: so many events in the `days` before `now`."""

    def __init__(self, events: int, now: datetime, days: int) -> None:
        self.events, self.now, self.days = events, now, days
        self.people = max(10, events // EVENTS_OF_A_PERSON)
        self._step = days * 86_400 / events
        self.at = self.after(0)

    def after(self, seconds: float) -> str:
        """Return the expression of the time so many seconds after an event was received."""
        begun = f"CAST('{self.now.isoformat()}' AS timestamptz) - interval '{self.days} days'"
        return f"({begun} + make_interval(secs => n * {self._step!r} + {seconds}))"

    def id(self, prefix: str) -> str:
        """Return the expression of an id of the event's time."""
        milliseconds = f"CAST(EXTRACT(epoch FROM {self.at}) * 1000 AS bigint)"
        return f"'{prefix}_' || lpad(to_hex({milliseconds}), 12, '0') || lpad(to_hex(n), 20, '0')"

    def of(self, expression: str) -> str:
        """Return an expression whose random numbers are made: {1} to {9} are some that `n` alone decides."""
        random = [f"(hashint8extended(n, {seed}) & 2147483647)" for seed in range(10)]
        values = {"people": self.people, "frequent": FREQUENT, "events": self.events}
        return "(" + expression.replace("{rule}", RULE).format(*random, **values) + ")"

    def growing(self) -> tuple[Rows, ...]:
        """Return the rows that follow the events."""
        return (
            self._deliveries(),
            self._events(),
            self._keys(),
            self._decisions(),
            self._enrollments(),
            self._journal(),
            self._intents(),
            self._outbound(),
            self._audit(),
            *self._others(),
        )

    def _deliveries(self) -> Rows:
        return Rows(
            "deliveries",
            {
                "id": self.id("dlv"),
                "source": self.of(SOURCE),
                "provider": "'standard-webhooks'",
                "received_at": self.at,
                "method": "'POST'",
                "url": "'https://segue.example/webhooks/crm'",
                "headers": "jsonb_build_object('content-type', 'application/json', 'webhook-id', 'msg_' || n)",
                "body": f"convert_to(CAST({self.of(BODY)} AS text), 'UTF8')",
            },
        )

    def _events(self) -> Rows:
        return Rows(
            "events",
            {
                "id": self.id("evt"),
                "delivery_id": self.id("dlv"),
                "source": self.of(SOURCE),
                "type": self.of(TYPE),
                "received_at": self.at,
                "occurred_at": self.at,
                "email": self.of(EMAIL),
                "first_name": "'Ada'",
                "data": DATA,
            },
        )

    def _keys(self) -> Rows:
        return Rows(
            "event_keys",
            {
                "source": self.of(SOURCE),
                "key": "sha256(int8send(n))",
                "event_id": self.id("evt"),
                "delivery_id": self.id("dlv"),
                "seen_at": self.at,
            },
            newest=self.events * min(KEY_DAYS, self.days) // self.days,
        )

    def _decisions(self) -> Rows:
        return Rows(
            "decisions",
            {
                "id": self.id("dec"),
                "event_id": self.id("evt"),
                "delivery_id": self.id("dlv"),
                "source": self.of(SOURCE),
                "email": self.of(EMAIL),
                "verdict": VERDICT,
                "reason": VERDICT_REASON.replace("{enr}", self.id("enr")),
                "rule": f"CASE WHEN n % 10 < 3 THEN {self.of(RULE)} END",
                "line": "CASE WHEN n % 10 < 3 THEN 20 END",
                "revision": "'8c606db10667'",
                "facts": self.of(FACTS),
                "enrollment_id": f"CASE WHEN n % 10 = 0 THEN {self.id('enr')} END",
                "decided_at": self.after(0.008),
            },
        )

    def _enrollments(self) -> Rows:
        state, sender, ended = self.of(STATE), self.of(SENDER), self.of(ENDED)
        in_hand = f"{state} IN ('working', 'uncertain')"
        chosen = f"jsonb_build_object('chosen', true, 'sender', {sender}, 'because', 'the rule names it')"
        when_sent = f"CASE WHEN {state} = 'enrolled' THEN {{0}} END"
        return Rows(
            "enrollments",
            {
                "id": self.id("enr"),
                "decision_id": self.id("dec"),
                "event_id": self.id("evt"),
                "delivery_id": self.id("dlv"),
                "source": self.of(SOURCE),
                "rule": self.of(RULE),
                "account": f"'{ACCOUNT}'",
                "email": f"CASE WHEN {in_hand} THEN 'w' || n || '@corp.example' ELSE {self.of(EMAIL)} END",
                "sequence": "'31000' || n / 10 % 5",
                "plan": f"jsonb_build_object('sender', {sender})",
                "sender": sender,
                "sender_user_id": "'7001'",
                "sender_email": f"{sender} || '@acme.example'",
                "assignment": f"jsonb_build_array({chosen})",
                "properties": "'{}'",
                "require": "'{}'",
                "intent": "'i' || n / 10 % 50",
                "received_at": self.at,
                "heard_at": self.at,
                "created_at": self.after(0.01),
                "updated_at": self.after(5),
                "state": state,
                "reason": self.of(REASON),
                "due_at": f"CASE WHEN {state} = 'ready' THEN {self.after(0)} ELSE {self.after(90_000)} END",
                "attempt": "1",
                "step": f"CASE WHEN {in_hand} THEN 'sending' END",
                "contact_id": "CAST(n AS text)",
                "hubspot_enrollment_id": when_sent.format("'555' || n"),
                "enrolled_at": when_sent.format(self.after(4.3)),
                "sending_at": when_sent.format(self.after(3.7)),
                "first_sending_at": when_sent.format(self.after(3.7)),
                "confirmation": when_sent.format("'seen'"),
                "follow_at": f"CASE WHEN {state} = 'enrolled' AND {ended} IS NULL THEN {self.after(7_776_000)} END",
                "ended": ended,
                "ended_at": f"CASE WHEN {ended} IS NOT NULL THEN {self.after(400_000)} END",
                "ended_known": f"CASE WHEN {ended} IS NOT NULL THEN {ended} <> 'unknown' END",
                "replied_at": f"CASE WHEN {ended} = 'unenrolled' THEN {self.after(400_000)} END",
            },
            every=EVENTS_OF_AN_ENROLLMENT,
        )

    def _journal(self) -> Rows:
        steps = (
            "(0, NULL, 'ready', 'accepted', NULL), (1, 'ready', 'working', 'claimed', 'claimed'), "
            "(2, 'working', 'working', 'assigned', 'assigned'), (3, 'working', 'working', 'prepared', 'prepared'), "
            "(4, 'working', 'working', 'sending', 'sending'), (5, 'working', NULL, NULL, NULL)"
        )
        state = self.of(STATE)
        assigned = f"{self.of(SENDER)} || ': the rule names it'"
        return Rows(
            "journal",
            {
                "enrollment_id": self.id("enr"),
                "at": f"{self.at} + line.number * interval '700 ms'",
                "before": "line.before",
                "after": f"COALESCE(line.after, {state})",
                "step": "line.step",
                "attempt": "1",
                "cause": f"COALESCE(line.cause, {state})",
                "detail": f"CASE line.number WHEN 2 THEN {assigned} WHEN 5 THEN {self.of(REASON)} END",
            },
            every=EVENTS_OF_AN_ENROLLMENT,
            more=f"CROSS JOIN (VALUES {steps}) AS line(number, before, after, cause, step)",
        )

    def _intents(self) -> Rows:
        return Rows(
            "intents",
            {
                "account": f"'{ACCOUNT}'",
                "intent": "'i' || n / 10 % 50",
                "email": self.of(EMAIL),
                "enrollment_id": self.id("enr"),
                "until": self.after(2_592_000),
            },
            every=EVENTS_OF_AN_ENROLLMENT,
            conflict="ON CONFLICT DO NOTHING",
        )

    def _outbound(self) -> Rows:
        state = self.of(
            "CASE WHEN {7} % 100 < 97 THEN 'delivered' WHEN {7} % 100 < 99 THEN 'failed' ELSE 'waiting' END"
        )
        return Rows(
            "outbound",
            {
                "id": self.id("out"),
                "endpoint": "'crm-back'",
                "kind": "CASE WHEN n % 3 = 0 THEN 'parked' ELSE 'enrolled' END",
                "enrollment_id": self.id("enr"),
                "body": "convert_to('{\"type\": \"enrolled\"}', 'UTF8')",
                "state": state,
                "due_at": self.after(3_000_000),
                "attempt": "1",
                "tries": "1",
                "last_status": "200",
                "delivered_at": f"CASE WHEN {state} = 'delivered' THEN {self.after(6)} END",
                "created_at": self.after(5),
                "updated_at": self.after(6),
            },
            every=20,
        )

    def _audit(self) -> Rows:
        who = "CASE WHEN n % 2000000 = 20 THEN 'rare' ELSE (ARRAY['ada', 'olga', 'cli', 'system'])[1 + {9} % 4] END"
        return Rows(
            "audit",
            {
                "id": self.id("aud"),
                "at": self.at,
                "who": self.of(who),
                "role": "'operator'",
                "origin": "'192.0.2.14'",
                "what": self.of(DEED),
                "target": f"CASE WHEN n % 3 = 0 THEN {self.id('enr')} WHEN n % 3 = 1 THEN 'anna' END",
                "after": "jsonb_build_object('released', n % 9, 'reason', 'the inbox is connected again')",
                "revision": "'8c606db10667'",
                "outcome": "CASE WHEN n % 50 = 0 THEN 'refused' ELSE 'done' END",
            },
            every=20,
        )

    def _others(self) -> tuple[Rows, ...]:
        key, address = "sha256(int8send(n))", "'p' || n || '@forgotten.example'"
        job = {
            "id": self.id("job"),
            "kind": "'release_parked'",
            "state": "'done'",
            "asked_by": "'olga'",
            "role": "'operator'",
            "origin": "'192.0.2.14'",
            "reason": "'mended'",
            "filter": '\'{"reason": "no_sender"}\'',
            "total": "10",
            "done": "10",
            "created_at": self.at,
            "started_at": self.at,
            "finished_at": self.after(9),
            "due_at": self.at,
        }
        return (
            Rows(
                "enrichments",
                {
                    "event_id": self.id("evt"),
                    "delivery_id": self.id("dlv"),
                    "source": "'portal'",
                    "state": "'done'",
                    "due_at": self.at,
                    "created_at": self.at,
                    "updated_at": self.after(1),
                },
                every=100,
            ),
            Rows(
                "suppressions",
                {
                    "value": address,
                    "kind": "'address'",
                    "reason": "'asked by telephone'",
                    "created_at": self.at,
                    "added_by": "'olga'",
                },
                every=100,
            ),
            Rows(
                "forgotten",
                {"key": key, "kind": "'email'", "forgetting_id": self.id("fgt"), "forgotten_at": self.at},
                every=100,
            ),
            Rows(
                "forgettings",
                {
                    "id": self.id("fgt"),
                    "requested_by": "'ada'",
                    "requested_at": self.at,
                    "done_at": self.after(60),
                    "counts": '\'{"events": 9, "decisions": 3}\'',
                },
                every=1000,
            ),
            Rows(
                "sticky_senders",
                {
                    "account": f"'{ACCOUNT}'",
                    "pool": "'all'",
                    "subject": address,
                    "sender": "'anna'",
                    "chosen_at": self.at,
                },
                every=50,
            ),
            Rows(
                "console_sessions",
                {
                    "sha256": key,
                    "subject": "'oidc:' || n % 500",
                    "name": "'somebody'",
                    "role": "'viewer'",
                    "way": "'oidc'",
                    "created_at": self.at,
                    "seen_at": self.at,
                    "expires_at": f"CAST('{self.now.isoformat()}' AS timestamptz) + n * interval '0.5 ms'",
                },
                every=1000,
            ),
            Rows("bulk_jobs", job, every=1000),
        )
