"""The sandbox's page: the enroll requests received last, and the contacts in a sequence now."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from app.sandbox.state.contacts import stamp

if TYPE_CHECKING:
    from app.sandbox.state.account import Account
    from app.sandbox.state.ledger import Entry

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
body{color:#23303d;background:#f7f8fa}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;background:#fff;border-radius:8px;overflow:hidden}
th,td{text-align:left;padding:.45rem .8rem;border-bottom:1px solid #eceff3}th{background:#eef1f5;font-weight:600}
.yes{color:#0a7d4f}.no{color:#b3372b}
.facts{display:flex;gap:2rem;flex-wrap:wrap}.facts b{display:block;font-size:1.6rem}
"""
SHOWN = 30


def page(account: Account) -> str:
    """Return the page as HTML; it loads nothing else."""
    entries = account.ledger.entries
    enrolled = sum(entry.processed for entry in entries)
    running = [(contact, contact.enrollment) for contact in account.contacts() if contact.enrollment]
    rows = "".join(
        f"<tr><td>{escape(contact.email)}</td><td>{escape(enrollment.sequence.name)}</td>"
        f"<td>{escape(enrollment.sender)}</td><td>{stamp(enrollment.since)}</td></tr>"
        for contact, enrollment in running
    )
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>HubSpot sandbox</title>
<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>
<h1>HubSpot sandbox</h1>
<div class="facts"><div><b>{len(entries)}</b>enroll requests received</div><div><b>{enrolled}</b>enrolled</div>
<div><b>{len(entries) - enrolled}</b>refused or dropped</div>
<div><b>{account.window.refused}</b>refused by limit (429)</div></div>
<h2>Last enroll requests</h2>
<table><tr><th>#</th><th>At</th><th>Contact</th><th>Sequence</th><th>Sender</th><th>Outcome</th></tr>
{"".join(_row(entry) for entry in reversed(entries[-SHOWN:]))}</table>
<h2>In a sequence now</h2>
<table><tr><th>Contact</th><th>Sequence</th><th>Sender</th><th>Since</th></tr>{rows}</table></html>"""


def _row(entry: Entry) -> str:
    cells = (str(entry.n), stamp(entry.at), entry.email, entry.sequence, entry.sender)
    kind = "yes" if entry.processed else "no"
    data = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr>{data}<td class="{kind}">{escape(entry.outcome)}</td></tr>'
