"""Rules: what the pages say of those in force, of one rule, of revisions, and of an event that is tried."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from app.audit.act import acting
from app.catalogue.cache import Listing
from app.catalogue.listing_store import SEQUENCES, keep_listing
from app.clock import utc_now
from app.console.context import Console
from app.console.diff_lines import diff_lines
from app.console.hidden import hiding_of
from app.console.page import NotDone, Visit
from app.console.pages.rules import pages
from app.console.person_links import PersonLinks
from app.console.rule_words import in_force, one_in_words, rejected_words
from app.console.signin.sessions import Sessions
from app.console.signin.store import SignInStore
from app.console.signin.visitor import Visitor, Way, act_of
from app.console.signin.wiring import terms
from app.operators import Role
from app.rules.changed import changed_rules, is_reordered
from app.rules.examples import Outcome
from app.rules.file.documents import Document
from app.rules.rule_text import rule_text
from app.rules.written import WrittenRule
from tests.conftest import NOON
from tests.console.places import fill
from tests.support.console import form_of
from tests.support.rulebooks import loaded
from tests.support.service import RULES, SECRETS, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.console import Browser
    from tests.support.service import Running

BERLIN = ZoneInfo("Europe/Berlin")
LITERAL = "whsec_bGl0ZXJhbC1tYWRlLXVwLXNlY3JldA=="
EXAMPLES = """\
    examples:
      - {name: large, event: {email: ada@corp.example, data: {data: {employees: 80}}}, expect: {enroll: "310001"}}
      - {name: small, event: {email: ada@corp.example, data: {data: {employees: 5}}}, expect: {enroll: "310001"}}
"""
WITH_EXAMPLES = RULES.replace("dedupe: {intent: demo, for: 30d}\n", f"dedupe: {{intent: demo, for: 30d}}\n{EXAMPLES}")
BY_SEGUE = "put there by Segue itself, at a start or a signal"
ROW: dict[str, Any] = {"revision": "9b1e07d20c31", "stored_at": NOON, "installed_by": "marta"}


WRONG = RULES.replace(">= 50", ">== 50").replace("sender: anna}\n    dedupe", "sender: ben}\n    dedupe")


def words_of(html: str) -> str:
    """Return what a piece of a page says."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def line_of(rules: Path, rule: str) -> int:
    """Return the line of the rules file where a rule begins."""
    return next(n for n, line in enumerate(rules.read_text().splitlines(), start=1) if f"id: {rule}" in line)


def written(*, examples: int = 0, failing: int = 0, action: str = "enroll") -> WrittenRule:
    outcomes = tuple(Outcome("demo", str(number), "rules.yaml", 21, "no") for number in range(failing))
    return WrittenRule(
        "demo", "rules.yaml", 21, None, "crm", ("signup",), None, None, action, {}, goes_on=False, stops_on_error=False,
        examples=examples, failing=outcomes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "rules", "said"),
    [
        (
            ROW,
            [written(examples=30), written(examples=1)],
            "9b1e07d2 is in force since 13:00, put there by marta; 2 rules, 31 examples pass.",
        ),
        (
            ROW | {"installed_by": "system", "stored_at": NOON - timedelta(days=1)},
            [written(examples=1)],
            f"9b1e07d2 is in force since Sun 13:00, {BY_SEGUE}; 1 rule, 1 example passes.",
        ),
        (
            ROW | {"installed_by": "cli"},
            [written(examples=3, failing=1)],
            "9b1e07d2 is in force since 13:00, put there by a command; 1 rule, 1 of 3 examples fails.",
        ),
        (
            ROW | {"installed_by": None},
            [written(examples=3, failing=2), written()],
            "9b1e07d2 is in force since 13:00; 2 rules, 2 of 3 examples fail.",
        ),
        (None, [written()], "These rules are in force; 1 rule, without an example."),
    ],
)
def test_a_sentence_about_the_rules_in_force(row: dict[str, Any] | None, rules: list[WrittenRule], said: str) -> None:
    assert in_force(row, rules, NOON, BERLIN) == said


@pytest.mark.parametrize(
    ("rule", "figures", "said"),
    [
        (
            written(examples=3),
            (214, 71, 58),
            "demo matched 71 of 214 events in the last 7 days; 58 of these are enrolled; its 3 examples pass.",
        ),
        (
            written(),
            (1, 1, 1),
            "demo matched 1 of 1 event in the last 7 days; 1 of these is enrolled; it has no example.",
        ),
        (
            written(action="ignore", examples=2, failing=2),
            (9, 9, 0),
            "demo matched 9 of 9 events in the last 7 days; 2 of its 2 examples fail.",
        ),
    ],
)
def test_a_sentence_about_one_rule(rule: WrittenRule, figures: tuple[int, int, int], said: str) -> None:
    assert one_in_words(rule, *figures, "7 days") == said


def test_a_sentence_about_rejected_rules() -> None:
    row = {"at": NOON, "rejected_by": "marta", "mistakes": [{}]}
    assert rejected_words(row, NOON, BERLIN) == (
        "Rules were rejected at 13:00, read by marta: 1 finding. What is in force stays in force."
    )
    assert "rejected on Sun 13:00, read by Segue itself" in rejected_words(
        row | {"at": NOON - timedelta(days=1), "rejected_by": "system"}, NOON, BERLIN
    )


TEXT = """\
sources:
  crm:
    secrets:
      - |
        whsec_first
        whsec_second
rules:
  - id: a
    when: x

  # the second one
  - {id: b, when: "y",
     ignore: true}
  - &c
    id: c
    when: >
      a &&
      b
  # the last one
  - id: d
    dedupe: &e
      for: 30d
  - id: f
    dedupe: *e
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (8, "- id: a\n  when: x"),
        (12, '- {id: b, when: "y",\n   ignore: true}'),
        (14, "- &c\n  id: c\n  when: >\n    a &&\n    b"),
        (20, "- id: d\n  dedupe: &e\n    for: 30d"),
        (23, "- id: f\n  dedupe: *e"),
        (3, ""),
    ],
)
def test_the_text_of_a_rule_is_found_by_its_line(line: int, said: str) -> None:
    found = rule_text((Document("other.yaml", "rules: []"), Document("rules.yaml", TEXT)), "rules.yaml", line)
    assert found == said


def test_no_secret_of_the_rules_is_left_in_what_is_shown() -> None:
    text = 'version: 1\nsources: {{crm: {{provider: standard-webhooks, secrets: ["{}"]}}}}\nrules: []\n'
    book = loaded(text.format(LITERAL))
    shown = {"a": [f"it is {LITERAL} and made-up-zoom-secret"]}
    assert hiding_of(book, {"${ZOOM}": "made-up-zoom-secret"})(shown) == {"a": ["it is *** and ${ZOOM}"]}
    # The secret that a variable holds is shown by the variable's name.
    assert hiding_of(book, {"${CRM}": LITERAL})(LITERAL) == "${CRM}"


async def test_rules_are_listed_with_what_came_of_them(web: Running, rules: Path, viewer: Browser) -> None:
    write(rules, WITH_EXAMPLES.replace("id: signup\n", "id: signup\n    description: Asks for a demo\n"))
    assert (await web.post("/-/reload")).status_code == 200
    page = await viewer.json("/rules")
    assert page["sentence"].endswith("put there by ada; 4 rules, 1 of 2 examples fails.")
    signup, anything, *_ = page["lines"]
    assert (signup["place"], signup["listens"], signup["description"]) == (
        "rules.yaml:16",
        "crm: signup",
        "Asks for a demo",
    )
    assert signup["when"] == "event.data.data.employees >= 50"
    assert signup["does"] == [["enroll", "sequence 310001, sender anna"], ["dedupe", "intent demo, for 30d"]]
    assert (signup["examples_mark"], signup["examples"]) == ("bad", "1 of 2 fails")
    assert (anything["listens"], anything["examples"]) == ("open: ping, form", "none")
    html = (await viewer.get("/rules")).text
    assert "Try an event" in html
    assert "Read the file again" not in html


async def test_rules_are_counted_by_the_tallies(web: Running, viewer: Browser) -> None:
    await web.execute("""
        INSERT INTO tallies (hour, source, rule, account, sequence, sender, stage, reason, known, n)
        SELECT date_trunc('hour', now()), 'crm', rule, '', '', '', stage, reason, true, n
        FROM (VALUES ('', 'verified', 'signup', 9), ('signup', 'enrolled', '', 4), ('signup', 'parked', 'x', 2),
                     ('made', 'unmatched', 'ignored', 3)) AS one (rule, stage, reason, n)
    """)
    lines = {one["id"]: one for one in (await viewer.json("/rules"))["lines"]}
    figures = ("received", "matched", "enrolled", "parked")
    assert [lines["signup"][name] for name in figures] == [9, 6, 4, 2]
    assert [lines["made"][name] for name in figures] == [0, 3, 0, 0]
    one = await viewer.json("/rules/signup", period="7d")
    assert one["sentence"] == (
        "signup matched 6 of 9 events in the last 7 days; 4 of these are enrolled; it has no example."
    )
    assert (len(one["matched"]), one["matched"][-1][1], one["enrolled"][-1][1]) in {(31, 6, 4), (30, 6, 4)}
    assert one["text"].startswith("- id: signup\n  source: crm")
    assert one["events_url"] == "/admin/events?source=crm&type=signup&period=7d"
    assert (await viewer.get(one["events_url"].removeprefix("/admin"))).status_code == 200
    assert (await viewer.json("/rules/anything"))["events_url"] == "/admin/events?source=open&period=24h"
    assert "/admin/parked?rule=signup" in (await viewer.get("/rules/signup")).text
    assert "<svg" not in (await viewer.get("/rules/made")).text
    assert (await viewer.get("/rules/none")).status_code == 404


async def test_the_reload_says_first_what_it_would_do(web: Running, rules: Path, admin: Browser) -> None:
    before = web.process.current_rulebook()
    same = words_of((await admin.get("/rules/reload")).text)
    assert f"Nothing would change: {before.revision[:8]} is in force already. Only the variables are read" in same
    later = '  - {id: later, source: crm, type: signup, enroll: {sequence: "310009", sender: anna}}\n'
    write(rules, "# of now\n" + RULES.replace(">= 50", ">= 10").replace("id: made", "id: made-anew") + later)
    asked = (await admin.get("/rules/reload")).text
    said = words_of(asked)
    assert (
        f"would take the place of {before.revision[:8]}: 2 rules are added, 1 rule is changed, 1 rule is removed."
        in said
    )
    assert "In all files: 4 lines more, 2 gone." in said
    assert f"This process reads the file {rules}" in said
    assert form_of(asked, "/admin/rules/reload")["shown"] == "4"
    sample = re.findall(r"<li>(.*?)</li>", asked.partition('class="sample"')[2])
    assert [words_of(one) for one in sample] == [
        f"signup changed, rules.yaml:{line_of(rules, 'signup')}",
        f"made-anew added, rules.yaml:{line_of(rules, 'made-anew')}",
        f"later added, rules.yaml:{line_of(rules, 'later')}",
        f"made removed, rules.yaml:{line_of(rules, 'made-anew') - 1}",
    ]
    assert web.process.current_rulebook() is before
    assert len(await web.rows("SELECT number FROM rulebooks")) == 1


async def test_rules_with_mistakes_cannot_be_put_in_force(web: Running, rules: Path, admin: Browser) -> None:
    write(rules, WRONG)
    asked = (await admin.get("/rules/reload")).text
    assert words_of(asked).index("2 findings. What is in force stays in force.") < asked.index("rules.yaml:")
    assert re.search(r"rules\.yaml:\d+:\d+ .*ben", asked)
    assert "Put them in force" not in asked
    assert await web.rows("SELECT at FROM rejected_rules") == []
    assert (await admin.post("/rules/reload")).status_code == 409
    (line,) = await web.rows("SELECT outcome, status FROM audit WHERE what = 'POST /admin/rules/reload'")
    assert (line["outcome"], line["status"]) == ("refused", 409)


async def test_rules_that_were_broken_since_they_were_shown_are_rejected(web: Running, rules: Path) -> None:
    write(rules, WRONG)
    process, ada = web.process, Visitor("ada", "ada", Role.ADMIN, Way.TOKEN, None, b"")
    sessions = Sessions(SignInStore(process.engine), tuple, terms(process.settings))
    reload = pages(Console(process, process.engine, sessions, PersonLinks(process.engine))).changes[-1]
    visit = Visit(ada, reload.path, {}, {}, {"shown": "9"}, utc_now(), BERLIN)
    with acting(act_of(ada, "192.0.2.1", "POST")), pytest.raises(NotDone) as not_done:
        await reload.act(visit)
    assert not_done.value.page.impossible is not None
    assert len(await web.rows("SELECT at FROM rejected_rules WHERE rejected_by = 'ada'")) == 1


async def test_rejected_rules_are_shown_until_good_ones_come(web: Running, rules: Path, admin: Browser) -> None:
    write(rules, WRONG)
    assert (await web.post("/-/reload")).status_code == 422
    page = await admin.json("/rules")
    assert "read by ada: 2 findings" in page["rejected"]["sentence"]
    assert [re.match(r"rules\.yaml:\d+:\d+ ", one) is not None for one in page["rejected"]["findings"]] == [True] * 2
    write(rules, RULES.replace(">= 50", ">= 10"))
    assert (await admin.confirm("/rules/reload", {"reason": "smaller teams"})).status_code == 303
    html = (await admin.get("/rules")).text
    revision = web.process.current_rulebook().revision
    assert f"{revision[:8]} is in force now; 4 rules, 4 sources." in html
    assert (await admin.json("/rules"))["rejected"] is None
    lines = await web.rows("SELECT who, after FROM audit WHERE target = 'rules' ORDER BY id DESC LIMIT 1")
    assert (lines[0]["who"], lines[0]["after"]["revision"], lines[0]["after"]["reason"]) == (
        "ada",
        revision,
        "smaller teams",
    )
    assert (await admin.confirm("/rules/reload")).status_code == 303
    assert "was in force already" in (await admin.get("/rules")).text


async def test_no_secret_stands_on_the_pages_of_rules(web: Running, rules: Path, admin: Browser) -> None:
    text = RULES.replace('"${CRM_SECRET}"', f'"{LITERAL}"').replace(
        "id: signup\n", f"id: signup\n    description: not {LITERAL}, nor {SECRETS['ZOOM_SECRET']}\n"
    )
    write(rules, text)
    assert (await web.post("/-/reload")).status_code == 200
    await fill(web)
    revision = web.process.current_rulebook().revision
    for path in ("/rules", "/rules/signup", "/rules/revisions", f"/rules/revisions/{revision}", "/rules/try"):
        for suffix in ("", ".json"):
            answer = await admin.get(path + suffix)
            assert answer.status_code == 200, path
            assert not [one for one in (LITERAL, *SECRETS.values()) if one in answer.text], path


async def test_revisions_go_by_pages_and_are_compared(web: Running, rules: Path, viewer: Browser) -> None:
    first = web.process.current_rulebook().revision
    write(rules, RULES.replace(">= 50", ">= 10"))
    assert (await web.post("/-/reload")).status_code == 200
    second = web.process.current_rulebook().revision
    listed = await viewer.json("/rules/revisions")
    assert re.match(rf"{second[:8]} was put in force at \d\d:\d\d by ada; each earlier", listed["sentence"])
    assert [(one["revision"], one["by"], one["in_force"]) for one in listed["lines"]["items"]] == [
        (second, "by ada", True),
        (first, "by Segue itself, at a start or a signal", False),
    ]
    page = await viewer.json(f"/rules/revisions/{second}")
    assert page["sentence"].endswith(f"by ada; against {first[:8]}: 1 line more, 1 gone.")
    assert [one for one in page["diff"] if one["kind"] in {"add", "gone"}] == [
        {"kind": "gone", "text": "-    when: event.data.data.employees >= 50"},
        {"kind": "add", "text": "+    when: event.data.data.employees >= 10"},
    ]
    html = (await viewer.get(f"/rules/revisions/{second}")).text
    assert '<span class="gone">-    when: event.data.data.employees &gt;= 50</span>' in html
    back = await viewer.json(f"/rules/revisions/{first}", against=second)
    assert {"kind": "add", "text": "+    when: event.data.data.employees >= 50"} in back["diff"]
    assert back["with_present"] == f"/admin/rules/revisions/{second}?against={first}"
    alone = await viewer.json(f"/rules/revisions/{first}")
    assert alone["sentence"].endswith("; it is the first one.")
    assert (await viewer.get("/rules/revisions/none")).status_code == 404
    assert (await viewer.get(f"/rules/revisions/{first}", against="none")).status_code == 404


async def test_the_list_of_revisions_goes_both_ways(web: Running, viewer: Browser) -> None:
    await web.execute("""
        INSERT INTO rulebooks (revision, documents, accounts, stored_at)
        SELECT 'made' || n, '[]', '{}', now() FROM generate_series(1, 120) AS n
    """)
    found, url = list[str](), "/admin/rules/revisions.json"
    while url:
        page = (await viewer.client.get(url)).json()["lines"]
        found += [one["revision"] for one in page["items"]]
        last, url = page, page["older"]
    assert found[:-1] == [f"made{number}" for number in range(120, 0, -1)]
    newer = (await viewer.client.get(last["newer"])).json()["lines"]
    assert [one["revision"] for one in newer["items"]] == found[50:100]


def test_a_rule_has_changed_with_its_text_and_not_with_its_place() -> None:
    head = "version: 1\nsources: {crm: {provider: json, verify: none, allow_unverified: true}}\nrules:\n"
    one, two = (f"  - id: {name}\n    source: crm\n    type: {name}\n    ignore: true\n" for name in ("one", "two"))
    old = loaded(head + one + two)
    assert [changed.how for changed in changed_rules(None, old)] == ["added", "added"]
    below, turned = loaded(f"# above\n{head}{one}  # between\n{two}"), loaded(head + two + one)
    assert changed_rules(old, below) == changed_rules(old, turned) == ()
    assert (is_reordered(old, below), is_reordered(old, turned)) == (False, True)
    (changed,) = changed_rules(old, loaded(head + one + two.replace("type: two", "type: three")))
    assert (changed.id, changed.how, changed.line) == ("two", "changed", 8)


@pytest.mark.parametrize(
    ("lines", "kinds"),
    [
        (["--- a", "+++ b", "@@ -1 +1 @@", " x", "-y", "+z"], ["file", "file", "place", "", "gone", "add"]),
        (["--- a", "+++ b", "@@ -1 +1 @@", "--- y", "+z"], ["file", "file", "place", "gone", "add"]),
        ([], []),
    ],
)
def test_each_line_of_a_diff_says_what_it_is(lines: list[str], kinds: list[str]) -> None:
    found = diff_lines(lines)
    assert [line.kind for line in found] == kinds
    assert [line.text for line in found] == lines


async def tried(browser: Browser, **form: str) -> str:
    answer = await browser.post("/rules/try", form)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


SIGNUP = (
    '{{"source": "crm", "type": "{type}", "email": "ada@corp.example", "data": {{"data": {{"employees": {size}}}}}}}'
)


async def test_an_event_is_tried_and_nothing_is_written(web: Running, rules: Path, viewer: Browser) -> None:
    second = '  - {id: later, source: crm, type: signup, enroll: {sequence: "310009", sender: anna}}\n'
    write(rules, RULES + second)
    assert (await web.post("/-/reload")).status_code == 200
    counts = "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM decisions) + (SELECT count(*) FROM audit) n"
    before = await web.rows(counts)
    said = await tried(viewer, event=SIGNUP.format(type="signup", size=80))
    assert "this comes to: enroll 310001 by rule signup. Nothing was written, and nothing is sent." in said
    assert "matched signup Its condition is true. rules.yaml:16" in said
    assert "not asked later An earlier rule ended the search." in said
    await keep_listing(
        web.process.engine, SEQUENCES, Listing("main", [{"id": "310001", "name": "Demo request"}], utc_now())
    )
    named = await tried(viewer, event=SIGNUP.format(type="signup", size=80))
    assert "this comes to: enroll in Demo request (310001) by rule signup. Nothing" in named
    low = await tried(viewer, event=SIGNUP.format(type="signup", size=5))
    assert (
        "not true signup Its condition is false: event.data.data.employees &gt;= 50. event.data.data.employees is 5"
        in low
    )
    assert "matched later" in low
    unheard = await tried(viewer, event=SIGNUP.format(type="left", size=5))
    assert "no rule listens to events of the type left from crm: such an event is counted, and not stored." in unheard
    assert await web.rows(counts) == before


async def test_the_form_begins_with_an_event_of_the_first_rule(viewer: Browser, operator: Browser) -> None:
    assert (await viewer.json("/rules/try"))["text"] == '{\n  "source": "crm",\n  "type": "signup",\n  "data": {}\n}'
    assert '"email": "ada@corp.example"' in (await operator.json("/rules/try"))["text"]


async def test_a_stored_event_is_tried_as_long_as_its_payload_is_there(web: Running, viewer: Browser) -> None:
    await web.deliver("crm", {"type": "signup", "data": {"email": "ada@corp.example", "employees": 20}})
    (row,) = await web.rows("SELECT id FROM events")
    assert row["id"] in (await viewer.get("/rules/try", event=row["id"])).text
    assert "event.data.data.employees is 20" in await tried(viewer, event_id=row["id"])
    await web.execute("UPDATE events SET data = NULL")
    assert "payload is stored no more" in await tried(viewer, event_id=row["id"])


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Write an event, or the id of one that is stored: one of both."),
        ({"event": "{}", "event_id": "evt_1"}, "one of both."),
        ({"event": "no"}, "The event cannot be read: the body is not JSON"),
        ({"event": '{"source": "nowhere"}'}, "there is no source"),
        ({"event_id": "evt_1"}, "No stored event has this id."),
        ({"event": '{"a":' * 3000 + "1" + "}" * 3000}, "The event cannot be read"),
    ],
)
async def test_what_is_no_event_is_said_beside_the_field(viewer: Browser, form: dict[str, str], said: str) -> None:
    answer = await tried(viewer, **form)
    assert said in answer
    assert "This cannot be tried." in answer


async def test_a_condition_shows_no_variable_of_the_rules(web: Running, rules: Path, viewer: Browser) -> None:
    write(rules, RULES.replace(">= 50", '>= 50 || event.data.key == "${HOOK_PATH}"'))
    assert (await web.post("/-/reload")).status_code == 200
    with_key = SIGNUP.format(type="signup", size=5).replace('"data": {"data"', '"data": {"key": "x", "data"')
    said = await tried(viewer, event=with_key)
    assert SECRETS["HOOK_PATH"] not in said
    assert (
        "Its condition is false: event.data.data.employees &gt;= 50 || event.data.key == &#34;${HOOK_PATH}&#34;."
        in said
    )
