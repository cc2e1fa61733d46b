"""A service with several accounts, sources, senders, endpoints and rules, each with something to show.

There are more of each than a page may ask statements: one that asked for each of them would ask too many.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from app.accounts.encryption import new_key
from tests.support.service import RULES

if TYPE_CHECKING:
    from tests.support.service import Running

NUMBERS = range(1, 7)  # `main`, and what RULES has, are there besides
SETTINGS: dict[str, Any] = {
    "hubspot_client_id": "client-1",
    "hubspot_client_secret": "made-up-client-secret",
    "public_url": "https://segue.example",
    "encryption_keys": new_key(),
}


# What is added to each part of RULES, with a number for `#`.
ADDED = {
    "accounts": "  a#: {oauth: true, daily: 500, timezone: Europe/Berlin}\n",
    "sources": "  s#: {provider: standard-webhooks, secrets: ['${CRM_SECRET}']}\n",
    "senders": "  u#: {user_id: '710#', email: u#@acme.example, daily: 1}\n",
    "endpoints": "  e#: {url: 'https://e#.acme.example', secrets: ['${BACK_SECRET}'], events: [parked]}\n",
    "pools": "  p#: {pick: most-left, senders: [anna, u#]}\n",
    "rules": "  - {id: r#, source: s#, type: form, account: a#, enroll: {sequence: '310001', sender: p#}}\n",
}


def rules_of_several() -> str:
    """Return the operator's file."""
    text = re.sub(r"( +)enroll:", r"\1account: main\n\1enroll:", RULES)
    text = text.replace("sources:\n", 'accounts:\n  main: {token: "${SEGUE_HUBSPOT_TOKEN}"}\npools:\nsources:\n', 1)
    for part, line in ADDED.items():
        every = "".join(line.replace("#", str(number)) for number in NUMBERS)
        text = text.replace(f"{part}:\n", f"{part}:\n{every}", 1)
    return text


# The account, the sender and the endpoint of each number: the account let Segue in, and the doctor looked at it; the
# sender is full there, and an owner of contacts, whom no rule names, is paused.
FILLING = (
    """INSERT INTO oauth_grants (account, hub_id, scopes, access_token, refresh_token, expires_in, expires_at, state,
                                 version, updated_at)
       SELECT 'a' || n, '456' || n, '{oauth}', '', '', 1800, now(), 'active', 1, now() {each}""",
    "INSERT INTO hubspot_accounts SELECT 'a' || n, '456' || n, 'Europe/Berlin', now() {each}",
    "INSERT INTO rate_windows (account, kind, maximum, window_ms) SELECT 'a' || n, 'general', 190, 10000 {each}",
    "INSERT INTO rate_grants (account, kind, granted_at, count) SELECT 'a' || n, 'general', now(), 7 {each}",
    """INSERT INTO doctor_runs (id, account, asked_by, asked_at, state, done_at, findings)
       SELECT 'doc_' || n, 'a' || n, 'ada', now(), 'done', now(), '[]' {each}""",
    """INSERT INTO sender_reservations (enrollment_id, account, inbox, reserved_at)
       SELECT 'enr_' || n, 'a' || n, 'u' || n || '@acme.example', now() {each}""",
    """INSERT INTO sender_pauses (account, inbox, sender, user_id, reason, paused_at)
       SELECT 'a' || n, 'away@acme.example', 'owner 9', '7009', 'DISCONNECTED_INBOX', now() {each}""",
    """INSERT INTO outbound (id, endpoint, kind, body, state, due_at, created_at, updated_at)
       SELECT 'out_' || n, 'e' || n, 'parked', '', 'waiting', now(), now(), now() {each}""",
    """UPDATE enrollments SET state = 'parked', reason = 'ODD_' || n, account = 'a' || n, sender = 'u' || n {each}
       WHERE email = 'parked' || n || '@corp.example'""",
)
EACH = f"FROM generate_series(1, {len(NUMBERS)}) AS n"


async def fill_several(web: Running) -> None:
    """Let each account, sender, source and endpoint have something to show, after `fill`."""
    for number in NUMBERS:
        data = {"email": f"parked{number}@corp.example", "employees": 80, "first_name": "Ada"}
        await web.deliver("crm", {"type": "signup", "data": data})
        await web.post("/api/v1/suppressions", value=f"kay{number}@corp.example")
        await web.client.post(f"/webhooks/s{number}", content=b'{"type": "signup", "email": "eve@corp.example"}')
    for statement in FILLING:
        await web.execute(statement.replace("{each}", EACH))
