"""The rules of the installation whose pages are measured: 20 sources, 43 rules, 9 senders. Pure."""

from __future__ import annotations

from tests.bench.console_rows import ACCOUNT
from tests.support.service import RULES

SOURCES, RULES_OF_THEM, SENDERS = 16, 40, 8  # besides those that all tests have
SOURCE = '  s{0}: {{provider: standard-webhooks, secrets: ["${{CRM_SECRET}}"]}}'
SENDER = '  b{0}: {{user_id: "71{0}", email: b{0}@acme.example}}'
RULE = """\
  - id: r{0}
    source: s{1}
    type: [track, page, identify]
    when: event.data.data.plan == "plan{0}"
    enroll: {{sequence: "31{0:04}", sender: b{2}}}
    dedupe: {{intent: i{0}, for: 30d}}
"""


def rules() -> str:
    """Return the operator's file."""
    sources = "\n".join(SOURCE.format(number) for number in range(SOURCES))
    senders = "\n".join(SENDER.format(number) for number in range(SENDERS))
    more = "".join(RULE.format(number, number % SOURCES, number % SENDERS) for number in range(RULES_OF_THEM))
    account = f'accounts: {{{ACCOUNT}: {{token: "${{SEGUE_HUBSPOT_TOKEN}}"}}}}'
    named = RULES.replace("sources:\n", f"{account}\nsources:\n{sources}\n", 1)
    return named.replace("senders:\n", f"senders:\n{senders}\n", 1) + more
