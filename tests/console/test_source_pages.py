"""Sources: what the pages say of each, why a delivery was rejected, whether it would pass today, and a sample."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.catalogue.cache import Listing
from app.catalogue.listing_store import SEQUENCES, keep_listing
from app.clock import utc_now
from app.console.hidden import hiding_of
from app.console.kept_delivery import shown_delivery
from app.console.source_words import all_in_words, one_in_words, today_words, why_of, word_of
from app.intake.rejected_store import StoredDelivery
from app.model import Delivery
from app.operators import Role
from app.sources.diagnose import Check
from app.tallies.figures import SourceTally
from tests.conftest import NOON
from tests.support.console import form_of, signed_in
from tests.support.rulebooks import loaded
from tests.support.service import BASE, RULES, SECRETS, running, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.console import Browser
    from tests.support.service import Running

SIGNUP = b'{"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}}'
WRONG = "whsec_b3RoZXItbWFkZS11cC1zZWNyZXQ="
PROOF = "usually 37 between Tue 09:00 and 11:40 (41, 36, 35, 38); none since 08:52"
OK = Check("proof", passed=True, detail="HMAC-SHA256; it covers the body")
ACCEPTED = "; the last one was accepted 2 min ago."
CAME = "9 deliveries in the last 24 hours."
TAKEN = "With today's secrets it would be accepted: have the tool send it again. It stays rejected here."
NO_FIT = (
    "its signature fits no secret of the source. Compare the source's secret in the rules with the tool's, then have "
    "the tool send it again."
)
LAST = NOON - timedelta(minutes=2)


def tally(*, verified: int = 0, rejected: int = 0, came: bool = True) -> SourceTally:
    reasons = (("signature_mismatch", rejected),) if rejected else ()
    last = LAST if came else None
    return SourceTally("webinar", verified + rejected, verified, rejected, 0, 0, verified, 0, reasons, last_at=last)


@pytest.mark.parametrize(
    ("one", "silent", "word", "said"),
    [
        (
            tally(verified=214),
            False,
            "healthy",
            f"webinar is healthy: 214 deliveries in the last 24 hours, none rejected{ACCEPTED}",
        ),
        (
            tally(verified=99, rejected=1),
            False,
            "healthy",
            f"webinar is healthy: 100 deliveries in the last 24 hours, 1 of them rejected{ACCEPTED}",
        ),
        (
            tally(rejected=171),
            True,
            "failing",
            f"webinar is failing: 171 of 171 deliveries in the last 24 hours rejected, none was accepted{ACCEPTED}",
        ),
        (
            tally(verified=17, rejected=171, came=False),
            False,
            "failing",
            "webinar is failing: 171 of 188 deliveries in the last 24 hours rejected, 17 were accepted.",
        ),
        (tally(), True, "silent", f"webinar is silent: {PROOF}."),
        (
            tally(came=False),
            False,
            "nothing yet",
            "Nothing has come from webinar yet: give its URL to the tool, or send a sample.",
        ),
    ],
)
def test_a_sentence_about_one(one: SourceTally, silent: bool, word: str, said: str) -> None:  # noqa: FBT001  # a parameter of the cases
    assert word_of(one, silent=silent) == word
    assert one_in_words("webinar", word, one, PROOF, NOON, "24 hours") == said


def test_what_proves_it_stands_beside_it() -> None:
    assert why_of("failing", tally(rejected=171), "") == "171 because its signature fits no secret of the source."
    assert why_of("silent", tally(), PROOF) == f"U{PROOF[1:]}."
    assert why_of("healthy", tally(verified=1), PROOF) == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "The rules in force name no source, so that no tool can send anything."),
        ([("a", "healthy")], "1 source, and it is healthy; 9 deliveries in the last 24 hours."),
        ([("a", "healthy"), ("b", "healthy")], "2 sources, all healthy; 9 deliveries in the last 24 hours."),
        (
            [("a", "silent"), ("b", "failing"), ("c", "failing"), ("d", "healthy"), ("e", "nothing yet")],
            f"b and c are failing; a is silent; nothing has come yet from e; d is healthy; {CAME}",
        ),
        (
            [(name, "nothing yet") for name in "abcd"],
            "Nothing has come yet from 4 sources; 9 deliveries in the last 24 hours.",
        ),
    ],
)
def test_a_sentence_about_all(words: list[tuple[str, str]], said: str) -> None:
    assert all_in_words(words, 9, "24 hours") == said


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        (
            [OK, Check("content", passed=True, detail="1 event: signup")],
            TAKEN,
        ),
        (
            [
                Check("method", passed=True, detail="POST"),
                Check("proof", passed=False, detail="signature_mismatch: no"),
            ],
            f"With today's secrets it would be rejected again: {NO_FIT}",
        ),
        (
            [Check("method", passed=False, detail="it came by GET; deliveries of zoom come by POST")],
            "It would be rejected again: it came by GET; deliveries of zoom come by POST.",
        ),
        (
            [Check("body", passed=None, detail="cut"), OK],
            f"{TAKEN} Only the beginning of its body is kept, so that this is not certain.",
        ),
    ],
)
def test_a_sentence_about_what_would_become_of_it_today(checks: list[Check], said: str) -> None:
    assert today_words(checks) == said


def kept(body: bytes, **headers: str) -> StoredDelivery:
    url = f"{BASE}/webhooks/crm?key={WRONG}&of=ada%40corp.example"
    return StoredDelivery(Delivery("dlv_1", "crm", NOON, "POST", url, headers, body), 401, "auth_mismatch", cut=False)


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b'{"email": "ada@corp.example", "key": "%s"}', "", '{\n  "email": "ada@corp.example",\n  "key": "***"\n}'),
        (
            b"email=ada%%40corp.example&key=%s",
            "application/x-www-form-urlencoded",
            "email=ada%40corp.example\n&key=***",
        ),
        (b"<a>ada@corp.example \x00 %s</a>", "text/xml", "<a>ada@corp.example \\x00 ***</a>"),
        (b"\xff %s", "", "� ***"),
        (b"[" * 3000 + b"%s", "", "[" * 3000 + "***"),
    ],
)
def test_a_kept_delivery_is_shown_without_secrets(body: bytes, kind: str, said: str) -> None:
    book = loaded(f'version: 1\nsources: {{crm: {{provider: standard-webhooks, secrets: ["{WRONG}"]}}}}\nrules: []\n')
    headers = {"content-type": kind, "x-forwarded-uri": f"/?{WRONG}", "user-agent": "ada@corp.example"}
    stored, hide = kept(body % WRONG.encode(), **headers), hiding_of(book, {})
    whole, head = shown_delivery(stored, hide, whole=True), shown_delivery(stored, hide, whole=False)
    assert whole.body is not None
    assert "\n".join("".join(piece.text for piece in line) for line in whole.body.lines) == said
    assert whole.url == f"{BASE}/webhooks/crm?key=***&of=ada%40corp.example"
    assert dict(whole.headers) == {"content-type": kind, "x-forwarded-uri": "/?***", "user-agent": "ada@corp.example"}
    assert head.body is None
    assert head.url == f"{BASE}/webhooks/crm?key=***&of=a***%40corp.example"
    assert dict(head.headers) == {**dict(whole.headers), "user-agent": "a***@corp.example"}


async def rejected(web: Running) -> str:
    """Deliver what was signed with another secret; return the id under which it is kept."""
    headers = {**web.signed("crm", SIGNUP), "webhook-signature": "v1,AAAA", "authorization": "Bearer of-another"}
    assert (await web.client.post("/webhooks/crm", content=SIGNUP, headers=headers)).status_code == 401
    (row,) = await web.rows_once_there("SELECT id FROM refused_deliveries WHERE source = 'crm'")
    return str(row["id"])


async def test_sources_are_listed_with_their_urls(database_url: str, rules: Path) -> None:
    fields = "fields: {type: $.type, id: $.id}"
    hook = f'  hook: {{provider: json, credential: {{kind: url}}, secrets: ["${{ZOOM_SECRET}}"], {fields}}}'
    write(rules, RULES.replace("\nsenders:", f"\n{hook}\nsenders:"))
    async with running(database_url, rules, public_url=f"{BASE}/in/") as web:
        viewer = await signed_in(web, Role.VIEWER)
        async with viewer.client:
            page = await viewer.json("/sources")
            html = (await viewer.get("/sources")).text
    assert page["sentence"] == "Nothing has come yet from 5 sources; 0 deliveries in the last 24 hours."
    assert [one["address"] for one in page["lines"]][:2] == [f"{BASE}/in/webhooks/crm", f"{BASE}/in/webhooks/open"]
    assert page["lines"][-1]["address"] == f"{BASE}/in/webhooks/hook/SECRET"
    assert not [secret for secret in SECRETS.values() if secret in html]
    assert 'data-copy="url-1"' in html
    assert "no rule listens to it" in html


COUNTERS = """
    INSERT INTO tally_counters (hour, source, result, reason, run, n, last_at)
    SELECT date_trunc('hour', now()), 'crm', result, reason, 'r', n, now()
    FROM (VALUES ('accepted', '', 9), ('rejected', 'signature_mismatch', 60), ('handshake', '', 1))
         AS one (result, reason, n)
"""


async def test_sources_are_counted_by_the_tallies(web: Running, viewer: Browser) -> None:
    await web.execute(COUNTERS)
    page = await viewer.json("/sources")
    crm = page["lines"][0]
    assert page["sentence"].startswith("crm is failing; nothing has come yet from open, webinar and portal; 70 deliv")
    assert (crm["word"], crm["received"], crm["rejected"]) == ("failing", 70, 60)
    assert crm["why"] == "60 because its signature fits no secret of the source."
    one = await viewer.json("/sources/crm")
    assert one["sentence"].startswith(
        "crm is failing: 60 of 70 deliveries in the last 24 hours rejected, 9 were accepted"
    )
    assert one["steps"][1]["others"] == "60 rejected: 60 signature mismatch"
    assert (len(one["hours"]), one["hours"][-1][1]) == (25, 60)
    assert one["handshakes"] == 1


async def test_one_source_says_why_its_last_delivery_was_rejected(web: Running, viewer: Browser) -> None:
    empty = (await viewer.get("/sources/crm")).text
    assert "Nothing was rejected in the last 24 hours" in empty
    assert "Nothing has come from crm yet" in empty
    await rejected(web)
    page = await viewer.json("/sources/crm")
    assert "its signature fits no secret of the source. Compare the source's secret" in page["latest"]["sentence"]
    assert page["latest"]["today"].startswith("With today's secrets it would be rejected again: its signature fits no")
    assert [(one["name"], one["word"]) for one in page["latest"]["checks"]] == [
        ("method", "yes"),
        ("proof", "no"),
        ("secret 1", "no"),
        ("content", "yes"),
    ]
    _, proof, secret, _ = page["latest"]["checks"]
    assert (proof["code"], secret["code"], proof["detail"]) == ("signature_mismatch", "", secret["detail"])
    assert "signature_mismatch" not in proof["detail"]
    (line,) = page["rejected"]
    assert (line["why"], line["code"], line["status"], line["bytes"]) == (
        "Its signature fits no secret of the source.",
        "signature_mismatch",
        401,
        len(SIGNUP),
    )
    assert page["secrets"] == ["Secret 1: accepted."]
    html = (await viewer.get("/sources/crm")).text
    assert "Send a sample" not in html
    assert line["url"] not in html
    assert (await viewer.get(line["url"].removeprefix("/admin"))).status_code == 403
    assert (await viewer.get("/sources/none")).status_code == 404


async def test_a_rejected_delivery_is_checked_again_with_the_secrets_of_today(
    web: Running, rules: Path, operator: Browser
) -> None:
    right = web.signed("crm", SIGNUP)
    write(rules, RULES.replace('"${CRM_SECRET}"', f'"{WRONG}"'))
    await web.post("/-/reload")
    assert (await web.client.post("/webhooks/crm", content=SIGNUP, headers=right)).status_code == 401
    (row,) = await web.rows_once_there("SELECT id FROM refused_deliveries WHERE source = 'crm'")
    path = f"/sources/crm/rejected/{row['id']}"
    before = (await operator.get(path)).text
    assert "would be rejected again: its signature fits no secret" in before
    write(rules, RULES)
    await web.post("/-/reload")
    after = (await operator.get(path)).text
    assert "With today&#39;s secrets it would be accepted: have the tool send it again." in after
    assert len(await web.rows("SELECT id FROM refused_deliveries")) == 1
    assert await web.rows("SELECT id FROM events") == []
    assert not [one for one in (WRONG, *SECRETS.values(), "employees") if one in before + after]
    assert (await operator.get(f"/sources/open/rejected/{row['id']}")).status_code == 404
    assert (await operator.get("/sources/crm/rejected/dlv_1")).status_code == 404


async def test_only_an_operator_sees_a_whole_rejected_delivery_and_it_is_written_down(
    web: Running, viewer: Browser, operator: Browser
) -> None:
    path = f"/sources/crm/rejected/{await rejected(web)}"
    head = (await operator.get(path)).text
    assert "Show the delivery" in head
    assert "ada@corp.example" not in head
    assert await web.rows("SELECT id FROM audit WHERE who = 'olga'") == []
    assert (await viewer.post(f"{path}/show")).status_code == 403
    whole = (await operator.post(f"{path}/show")).text
    assert "ada@corp.example" in whole
    assert "Show the delivery" not in whole
    rows = await web.rows("SELECT what, target FROM audit WHERE who = 'olga'")
    assert rows == [
        {
            "what": "POST /admin/sources/{source}/rejected/{delivery_id}/show",
            "target": f"crm, {path.rpartition('/')[2]}",
        }
    ]


async def test_no_secret_of_a_head_stands_on_the_pages_of_sources(web: Running, admin: Browser) -> None:
    id_ = await rejected(web)
    # What an earlier version, or a proxy, may have left in a row.
    await web.execute(
        """UPDATE refused_deliveries SET url = url || :secret, body = convert_to('{"a": "' || :secret || '"}', 'UTF8'),
                  headers = headers || jsonb_build_object('x-request-id', CAST(:secret AS text))""",
        secret=SECRETS["CRM_SECRET"],
    )
    for path in ("/sources", "/sources/crm", f"/sources/crm/rejected/{id_}", "/sources/unknown-paths"):
        for answer in (await admin.get(path), await admin.get(f"{path}.json")):
            assert answer.status_code == 200, path
            assert not [one for one in (*SECRETS.values(), "of-another") if one in answer.text], path
    whole = await admin.post(f"/sources/crm/rejected/{id_}/show")
    assert "${CRM_SECRET}" in whole.text
    assert SECRETS["CRM_SECRET"] not in whole.text


async def test_a_sample_names_the_sequence(web: Running, operator: Browser) -> None:
    await keep_listing(web.process.engine, SEQUENCES, Listing("main", [{"id": "310003", "name": "Welcome"}], utc_now()))
    look = await operator.post("/sources/webinar/sample/look", {"sample": "", "email": "me@acme.example"})
    assert "The rules say of m***@acme.example: enroll in Welcome (310003) by rule registered." in look.text


async def test_a_sample_says_what_it_would_come_to_and_leads_to_its_event(web: Running, operator: Browser) -> None:
    form = {"sample": "", "email": "me@acme.example"}
    look = await operator.post("/sources/webinar/sample/look", form)
    assert "The rules say of m***@acme.example: enroll 310003 by rule registered." in look.text
    assert await web.rows("SELECT id FROM events") == []
    fields = form_of(look.text, "/admin/sources/webinar/sample")
    assert fields["email"] == "me@acme.example"
    answer = await operator.post("/sources/webinar/sample", {**fields, "reason": "a new secret"})
    (event,) = await web.rows("SELECT id, email FROM events")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/admin/events/{event['id']}")
    assert event["email"] == "me@acme.example"
    rows = "SELECT target, after FROM audit WHERE what = 'POST /admin/sources/{source}/sample' ORDER BY at"
    asking, line = await web.rows(rows)
    assert asking["after"] == {"asked": f"send {fields['sample']}", "reason": "a new secret"} | {
        "delivery": line["after"]["delivery"]
    }
    assert (line["target"], line["after"]["status"], line["after"]["reason"]) == ("webinar", 200, "a new secret")
    asked = (await operator.get("/sources/webinar/sample")).text
    assert "What the rules ask for is done for real." in asked
    assert "As it is chosen below, the rules say of " in asked
    assert (await operator.confirm("/sources/webinar/sample")).status_code == 303
    assert len(await web.rows("SELECT id FROM events")) == 2


async def test_a_sample_that_cannot_be_sent_says_why(web: Running, operator: Browser) -> None:
    look = await operator.post("/sources/webinar/sample/look", {"email": "nobody"})
    assert "is no e-mail address" in look.text
    wrong = await operator.post("/sources/webinar/sample", {"sample": "unheard of"})
    assert wrong.status_code == 422
    assert wrong.text.count("No sample of zoom begins with") == 1
    assert await web.rows("SELECT id FROM events") == []


async def test_a_sample_without_a_rule_says_that_nothing_is_kept(web: Running, operator: Browser) -> None:
    assert (await operator.confirm("/sources/crm/sample")).headers["location"] == "/admin/sources/crm"
    assert "No rule listens to it" in (await operator.get("/sources/crm")).text
    assert await web.rows("SELECT id FROM events") == []


async def test_paths_that_no_source_has_are_listed(web: Running, viewer: Browser) -> None:
    empty = await viewer.json("/sources/unknown-paths")
    assert empty["sentence"] == "Since this service started, no path was asked for that is no source's."
    for _ in range(2):
        await web.client.post("/webhooks/webinars", content=b"{}")
    page = await viewer.json("/sources/unknown-paths")
    assert page["sentence"] == "2 requests were answered 404 since this service started, at 1 path that no source has."
    (line,) = page["lines"]
    assert (line["path"], line["near"], line["count"]) == ("/webhooks/webinars", "webinar", 2)
    assert re.search(r"1 path that no source has</a> was asked for", (await viewer.get("/sources")).text)
