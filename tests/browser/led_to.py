"""Pages that no plain link leads to: answers of forms, their mistakes, questions that differ, errors, signing in.

None of them changes anything that another page shows, but for lines of the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

from app.clock import utc_now
from app.console.frames import STILL
from app.console.signin.links import make_link
from app.console.signin.store import SignInStore
from app.errors import Mistake
from app.operators import Role
from app.rules.store import RulebookStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.async_api import Page

    from tests.support.console_service import ConsoleService

EXPECTED = {
    400,
    403,
    404,
    405,
    409,
    422,
    429,
    503,
}  # what a browser calls an error, and what these pages are answered with
# A form as a page would have it: a browser says of it where it comes from.
SEND = """
    ([path, fields]) => {
      const form = Object.assign(document.createElement("form"), {method: "post", action: path});
      for (const [name, value] of Object.entries(fields))
        form.append(Object.assign(document.createElement("input"), {type: "hidden", name, value}));
      document.body.append(form);
      form.submit();
    }
"""
BLANK = "about:blank"  # which is of no site
BROKEN_RULES = "version: 1\nrules:\n  - {id: demo, source: nowhere, typo: yes}\n"


@dataclass(frozen=True, slots=True)
class Led:
    """One of them: `form` is what is sent to it, None where it is a link; `status` is that of its answer.

    `elsewhere`: the form stands on a page of another site.
    """

    name: str
    path: str
    form: Mapping[str, str] | None = None
    status: int = 200
    role: Role | None = Role.ADMIN
    elsewhere: bool = False


async def follow(page: Page, led: Led) -> None:
    """Open it in a page of the console. Raises AssertionError where it is answered otherwise."""
    assert await answered(page, led) == led.status, f"{led.name}: {await page.inner_text('main')}"


async def answered(page: Page, led: Led) -> int | None:
    """Open it in a page of the console; return the status of its answer."""
    if led.form is None:
        answer = await page.goto(led.path)
        return answer.status if answer else None
    if page.url == BLANK:
        await page.goto("/admin/me")
    url = urljoin(page.url, led.path)
    if led.elsewhere:
        await page.goto(BLANK)
    async with page.expect_navigation() as reached:
        await page.evaluate(SEND, [url, {**led.form}])
    return (await reached.value).status


def still(url: str) -> str:
    """Return the URL of a page by which it does not refresh itself while it is looked at."""
    return f"{url}{'&' if '?' in url else '?'}{STILL}=1"


def led_to(at: Mapping[str, str]) -> tuple[Led, ...]:
    """Return the pages of a calm week. `at` has the ids of what is shown: an event, a person, jobs by their state."""
    return (*_signed_out(), *_of_a_viewer(at), *_answers(at), *_questions(at), *_mistakes(at), *_errors())


def _signed_out() -> tuple[Led, ...]:
    return (
        Led("sign-in", "/admin/sign-in", role=None),
        Led("sign-in-wrong", "/admin/sign-in", {"token": "made-up-and-wrong-0123456789abcdefghijklm"}, 403, None),
        Led("sign-in-empty", "/admin/sign-in", {}, 422, None),
        Led("sign-in-link-gone", "/admin/link?link=used-already", status=400, role=None),
        Led("sign-in-no-provider", "/admin/oidc/begin", status=404, role=None),
    )


def _of_a_viewer(at: Mapping[str, str]) -> tuple[Led, ...]:
    viewer = Role.VIEWER
    return (
        Led("viewer-person", f"/admin/people/{at['person']}", role=viewer),
        Led("viewer-event", f"/admin/events/{at['event_id']}", role=viewer),
        Led("viewer-parked", "/admin/parked", role=viewer),
        Led("viewer-not-allowed", "/admin/audit", status=403, role=viewer),
    )


def _answers(at: Mapping[str, str]) -> tuple[Led, ...]:
    """Return what is answered to forms that change nothing, and what is shown once."""
    event = '{"source": "demo-form", "type": "form_response", "email": "ada@corp.example", "data": {"employees": 80}}'
    return (
        Led("find-nothing", "/admin/find", {"q": "nothing of ours"}),
        Led("person-shown", f"/admin/people/{at['person']}/show", {}),
        Led("event-raw", f"/admin/events/{at['event_id']}/raw", {}),
        Led("rejected-shown", f"/admin/sources/webinar/rejected/{at['delivery_id']}/show", {}),
        Led("suppressed", "/admin/suppressions/look", {"address": "mallory@rival.example"}),
        Led("suppress-follows", "/admin/suppressions/add/look", {"value": "corp.example", "reason": "asked"}),
        Led("not-suppressed", "/admin/suppressions/look", {"address": "mallory@corp.example"}),
        Led("tried", "/admin/rules/try", {"event": event}),
        Led("sample-foreseen", "/admin/sources/webinar/sample/look", {"email": "ada@corp.example"}),
        Led("connect-link", "/admin/accounts/emea/connect", {}),
        Led("zone-chosen", "/admin/me/zone", {"zone": ""}),
    )


def _questions(at: Mapping[str, str]) -> tuple[Led, ...]:
    """Return questions, and what they are about, in other states than the pages of plain links have them."""
    since = urlencode({"since": "2020-01-01T00:00", "state": "all"})
    return (
        *(
            Led(f"job-{state}", still(f"/admin/jobs/{at[state]}"))
            for state in ("paused", "cancelled", "failed", "done")
        ),
        Led("job-resume", f"/admin/jobs/{at['paused']}/resume"),
        Led("receipt-not-done", still("/admin/erasure/receipts/fgt_not_done")),
        Led("sender-pause", "/admin/senders/cara/pause?account=main"),
        Led("account-connect", "/admin/accounts/emea/connect"),
        Led("replay", f"/admin/endpoints/crm-back/replay?{since}"),
        Led("parked-cancel", "/admin/parked/cancel?reason=DISCONNECTED_INBOX"),
        Led("enrollments-cancel", "/admin/enrollments/cancel?rule=demo-request"),
        Led("event-without-a-match", f"/admin/events/{at['unmatched']}"),
    )


def _mistakes(at: Mapping[str, str]) -> tuple[Led, ...]:
    """Return what is shown after a mistake in a form, and where a question cannot be answered any more."""
    return (
        Led("suppress-follows-mistake", "/admin/suppressions/add/look", {"value": "corp example"}, 422),
        Led("suppress-mistake", "/admin/suppressions/add", {"value": "corp example", "reason": "asked"}, 422),
        Led("zone-mistake", "/admin/me/zone", {"zone": "Atlantis"}, 422),
        Led("sample-mistake", "/admin/sources/webinar/sample", {"email": "no address"}, 422),
        Led("sample-look-mistake", "/admin/sources/webinar/sample/look", {"email": "no address"}),
        Led("tried-mistake", "/admin/rules/try", {"event": "{"}),
        Led("erasure-mistake", "/admin/erasure/look", {"address": "no address"}),
        Led("suppressed-mistake", "/admin/suppressions/look", {"address": "no address"}),
        Led("more-than-shown", "/admin/parked/release?reason=no_sender", {"shown": "1"}, 409),
        Led("paused-already", "/admin/senders/ben/pause?account=main", {}, 409),
        Led("job-not-paused", f"/admin/jobs/{at['running']}/resume", {}, 409),
    )


def _errors() -> tuple[Led, ...]:
    return (
        Led("not-there", "/admin/nothing", status=404),
        Led("no-such-event", "/admin/events/evt_nothing", status=404),
        Led("no-form-there", "/admin/overview", {}, 405),
        Led("of-another-site", "/admin/rules/reload", {}, 403, elsewhere=True),
        Led("bad-query", "/admin/events?period=never", status=422),
    )


# Tried again and again, it is not looked at any more for a while.
TRIED = Led("sign-in-tried-too-often", "/admin/sign-in", {"token": "made-up-and-wrong"}, 429, None)


async def closed_to(service: ConsoleService) -> tuple[Led, ...]:
    """Return what a service shows that has no way to sign in but a link; then its rules file has a mistake."""
    store = SignInStore(service.engine)
    link = await make_link(store, service.url, role=Role.ADMIN, name="marta", now=utc_now())
    service.rules.write_text(BROKEN_RULES, encoding="utf-8")
    mistakes = (Mistake("rules.yaml", 3, 5, "unknown field 'typo'"), Mistake("rules.yaml", 3, 18, "no such source"))
    await RulebookStore(service.engine).reject(mistakes)
    return (
        Led("closed", "/admin/sign-in", role=None),
        Led("link", link, role=None),
        Led("link-signs-in", "/admin/link", {"link": link.partition("=")[2]}, role=None),
        Led("rules-with-mistakes", "/admin/rules/reload", role=None),
        Led("rules-since-rejected", "/admin/rules", role=None),
    )


AWAY = (
    Led("store-away", "/admin/audit", status=503, role=None),
    Led("store-away-changed", "/admin/rules/reload", {}, 503, None),
)
