"""`send-sample` as an operator runs it: whom it is about, where it may go without a question, and that it is taken."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from app.errors import DeliveryRejected, StartError
from app.people.addresses import normalise
from app.sources import PROVIDERS
from app.sources.field_map import mapped
from app.sources.sample_files import samples
from tests.contracts.test_sources import CASES, NOON, Case
from tests.support.commands import rules, run, secrets
from tests.support.far_service import Far, far_service
from tests.support.processes import ROOT, Process
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from typer.testing import Result

    from app.model import Delivery, Event, SourceConfig

ME = "o'me+sales&more@acme.example"
# The challenges and probes are no deliveries: no event comes of them.
DELIVERIES = [case for case in CASES if case.valid and not case.handshake and case.text["method"] != "HEAD"]
BUILT_IN = [case for case in DELIVERIES if case.ours and case.text.get("event")]
POSTED = [case for case in DELIVERIES if case.text["body"]]


def over(cases: list[Case]) -> pytest.MarkDecorator:
    names = [f"{case.provider}: {case.text['case']}" for case in cases]
    return pytest.mark.parametrize("case", cases, ids=names)


@pytest.fixture
def far() -> Iterator[Far]:
    with far_service() as far:
        yield far


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(rules())
    return path


def config_of(case: Case) -> SourceConfig:
    """The case's own configuration; where rules would not take it, with a secret and options that they take."""
    provider, config = PROVIDERS[case.provider], case.config
    if not provider.check(config):
        return config
    if case.provider == "segment":
        return replace(config, options=provider.Options.model_validate({"batches": "first-only"}))
    return replace(config, secrets=next(one.config.secrets for one in BUILT_IN if one.provider == case.provider))


def rules_of(case: Case) -> str:
    """Rules with one source, which is configured as the case needs it."""
    config = config_of(case)
    options = dict(case.options) if config.options == case.config.options else {"batches": "first-only"}
    written = [secret.value.replace("$", "$$") for secret in config.secrets]
    source = {"provider": case.provider, "secrets": written, "map": dict(config.fields), **options}
    return yaml.safe_dump({"version": 1, "accounts": {"main": {"token": "t"}}, "sources": {"the-source": source}})


def events_of(delivery: Delivery, case: Case) -> list[Event]:
    """What a service would make of what reached it; the proof is looked at, too."""
    provider, config = PROVIDERS[case.provider], config_of(case)
    provider.verify(delivery, config, delivery.received_at)
    kept = provider.stored(delivery, config)
    return [mapped(event, config, kept.headers) for event in provider.events(kept, config)]


def as_sent(far: Far, send: Any) -> list[Event] | None:
    """The events of what is sent without --email; None where nothing can be read in it."""
    assert send("--yes").exit_code == 0
    try:
        return events_of(far.seen.pop(), send.case)
    except DeliveryRejected:
        return None


class Sending:
    """One case sent again and again, with other options."""

    def __init__(self, case: Case, far: Far, folder: Path, *fixed: object) -> None:
        (folder / "rules.yaml").write_text(rules_of(case))
        self.case, self._far = case, far
        self._fixed = ("send-sample", "the-source", "--rules", folder / "rules.yaml", *fixed)

    def __call__(self, *options: object) -> Result:
        return run(*self._fixed, "--url", self._far.url, *options)


def hold_to_the_address(send: Sending, far: Far) -> None:
    """Whatever goes out with --email is about that person alone; what cannot be, does not go out and says why."""
    before = as_sent(far, send)
    sent = send("--email", ME, "--yes")
    whole = before and all(event.email and event.dropped is None and not event.thin for event in before)
    if not whole:
        assert isinstance(sent.exception, StartError), sent.output
        message = str(sent.exception)
        assert re.search("finds no event|finds no address|would be dropped|is asked for|cannot read", message), message
        assert far.seen == []
        return
    assert sent.exit_code == 0, sent.exception
    (delivery,) = far.seen
    after = events_of(delivery, send.case)
    assert [normalise(event.email) for event in after] == [normalise(ME)] * len(before or ())
    same = ("type", "first_name", "last_name", "name", "company", "exit")
    assert [[getattr(e, n) for n in same] for e in after] == [[getattr(e, n) for n in same] for e in before or ()]


@over(BUILT_IN)
def test_a_sample_is_about_the_person_of_email_or_is_not_sent(case: Case, far: Far, tmp_path: Path) -> None:
    hold_to_the_address(Sending(case, far, tmp_path, "--sample", case.text["case"]), far)


@over(POSTED)
def test_a_file_is_about_the_person_of_email_or_is_not_sent(case: Case, far: Far, tmp_path: Path) -> None:
    (tmp_path / "body").write_text(case.text["body"])
    named = ("--sample", case.text["case"]) if case in BUILT_IN else ()
    hold_to_the_address(Sending(case, far, tmp_path, "--body", tmp_path / "body", *named), far)


def test_the_first_sample_can_be_about_the_operator_unless_its_provider_is_asked_for_people(tmp_path: Path) -> None:
    path, able = tmp_path / "rules.yaml", []
    for case in BUILT_IN:
        path.write_text(rules_of(case))
        named = ("the-source", "--sample", case.text["case"], "--rules", path)
        if run("send-sample", *named, "--email", ME, "--dry-run").exit_code == 0:
            able.append((case.provider, case.text["case"]))
    firsts = {name: samples(PROVIDERS[name], NOON)[0].name for name in PROVIDERS}
    assert {name for name in firsts if (name, firsts[name]) not in able} == {"eventbrite", "hubspot", "surveymonkey"}
    assert ("hubspot", "a workflow, v2 only") in able


SEGMENT = {"type": "track", "event": "x", "messageId": "m1", "context": {"traits": {"email": "ada@corp.example"}}}
OTHER = {**SEGMENT, "messageId": "m2", "context": {"traits": {"email": "bea@corp.example"}}}
CHANGE = {"subscriptionType": "contact.propertyChange", "portalId": 1, "objectId": 7, "eventId": 3}


@pytest.mark.parametrize(
    ("source", "body", "message"),
    [
        ("segment", json.dumps([SEGMENT, OTHER]), "event 2 of 2: its person is not read here, for it would be dropped"),
        ("hubspot", json.dumps([CHANGE]), "event 1 of 1: it has no address: the provider is asked"),
        ("stripe", '{"id": "evt_9", "type": "x"}', "event 1 of 1: the provider finds no address in it; `map:`"),
        (
            "stripe",
            '{"id": "evt_9", "type": "x", "data": {"object": {"customer": "cus_1"}}}',
            "event 1 of 1: the provider finds no address in it: it names its customer by an id only; give source",
        ),
        ("intercom", '{"type": "notification_event", "id": "n", "topic": "ping"}', "the provider finds no event in it"),
        ("stripe", "no JSON", "cannot read whom it is about: the body is not JSON"),
        ("github", '{"sender": {"email": "=?utf-8?b?YWRhQGNvcnAuZXhhbXBsZQ==?="}}', "the provider finds =?utf-8?b?"),
    ],
)
def test_what_cannot_be_about_one_person_alone_is_not_sent_and_says_why(
    far: Far, path: Path, tmp_path: Path, source: str, body: str, message: str
) -> None:
    (tmp_path / "body").write_text(body)
    path.write_text(path.read_text().replace("tokens:\n    - tok", "batches: first-only\n    tokens:\n    - tok"))
    named = (source, "--rules", path, "--url", far.url, "--body", tmp_path / "body")
    refused = run("send-sample", *named, "--email", "me@acme.example", "--yes")
    assert isinstance(refused.exception, StartError)
    assert refused.exception.exit_code == 1
    assert message in str(refused.exception)
    assert far.seen == []


@pytest.mark.parametrize("email", ["", "me", "me@", "Me <me@acme.example>", "me@acme.example, you@acme.example"])
def test_an_address_that_is_none_sends_nothing(far: Far, path: Path, email: str) -> None:
    refused = run("send-sample", "stripe", "--rules", path, "--url", far.url, "--email", email, "--yes")
    assert isinstance(refused.exception, StartError)
    assert f"--email: {email!r} is no e-mail address" in str(refused.exception)
    assert far.seen == []


def test_without_an_address_the_command_says_whom_the_file_is_about(far: Far, path: Path, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    send = partial(run, "send-sample", "mixpanel", "--rules", path, "--url", far.url, "--body", body, "--yes")
    members = [{"mixpanel_distinct_id": n, "email": f"{n}@corp.example"} for n in ("ada", "bea")]
    cohort = {"mixpanel_cohort_id": "1", "mixpanel_session_id": "2"}
    body.write_text(json.dumps({"action": "add_members", "parameters": {**cohort, "members": members}}))
    assert f"{body} is about ada@corp.example, bea@corp.example\n" in send().stdout
    body.write_text("no JSON")
    assert f"{body} is about no person\n" in send().stdout
    many = [{"mixpanel_distinct_id": str(n), "email": f"p{n}@corp.example"} for n in range(100)]
    body.write_text(json.dumps({"action": "add_members", "parameters": {**cohort, "members": many}}))
    assert "p19@corp.example, and 80 more\n" in send().stdout


@pytest.mark.parametrize("health", [{"status": "ok"}, {"practice": "yes"}, ["practice"], b"<html>", b"\xff"])
def test_without_a_terminal_nothing_goes_where_practice_is_not_certain(far: Far, path: Path, health: Any) -> None:
    far.health = health
    send = partial(run, "send-sample", "typeform", "--rules", path, "--url", far.url, "--email", "me@acme.example")
    refused = send()
    assert isinstance(refused.exception, StartError)
    assert refused.exception.exit_code == 1
    assert f"{far.url}/webhooks/typeform does not say that it enrolls into the sandbox" in str(refused.exception)
    assert "--yes sends it" in str(refused.exception)
    assert "the rules say of me@acme.example: enroll 310001 by rule demo" in refused.stdout
    assert far.seen == []
    assert send("--yes").exit_code == 0
    assert len(far.seen) == 1


def test_a_service_that_practises_is_sent_to_without_a_question(far: Far, path: Path) -> None:
    far.health = {"status": "ok", "practice": True}
    assert run("send-sample", "typeform", "--rules", path, "--url", far.url).exit_code == 0
    assert len(far.seen) == 1


@pytest.mark.parametrize(("answer", "code", "deliveries"), [("y\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0)])
def test_at_a_terminal_the_operator_is_asked_before_anything_goes_out(
    far: Far, path: Path, answer: str, code: int, deliveries: int
) -> None:
    ours, theirs = os.openpty()
    command = ("send-sample", "jotform", "--rules", path, "--url", far.url, "--email", "me@acme.example")
    environment = {**os.environ, **secrets(), "SEGUE_HUBSPOT_TOKEN": "t"}
    with os.fdopen(ours, "w") as terminal:
        terminal.write(answer)
        terminal.flush()
        ended = subprocess.run(
            [sys.executable, "-m", "app", *map(str, command)],
            cwd=ROOT,
            env=environment,
            stdin=theirs,
            capture_output=True,
            text=True,
            check=False,
        )
        os.close(theirs)
    assert (ended.returncode, len(far.seen)) == (code, deliveries), ended.stderr
    assert "the rules say of me@acme.example: ignore by rule jotform" in ended.stdout
    assert f"{far.url}/webhooks/jotform does not say that it enrolls into the sandbox" in ended.stdout
    assert "Send it? [y/N]" in ended.stdout
    # Jotform's URL ends with the secret: what is shown does not.
    assert secrets()["JOTFORM_SECRET"] not in ended.stdout + ended.stderr


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with World(database_url, lease=15.0) as world:
        await asyncio.to_thread(Path(world.environment["SEGUE_CONFIG"]).write_text, rules())
        world.environment |= {**secrets(), "SEGUE_PUBLIC_URL": "https://segue.example"}
        await world.start("serve")
        yield world


async def send(world: World, *arguments: object) -> Result:
    url = f"http://127.0.0.1:{world.port}"
    return await asyncio.to_thread(run, "send-sample", *arguments, "--url", url, **world.environment)


async def test_a_sample_of_every_provider_is_signed_and_taken(world: World) -> None:
    for name in PROVIDERS:
        sent = await send(world, name, "--yes")
        assert (sent.exit_code, name, sent.stdout) == (0, name, sent.stdout), sent.output
        assert "answered 200" in sent.stdout


async def test_a_file_enrolls_the_person_of_email_and_not_the_one_in_it(world: World, tmp_path: Path) -> None:
    (first, *_) = samples(PROVIDERS["typeform"], NOON)
    body = tmp_path / "body.json"
    await asyncio.to_thread(body.write_text, first.body)
    refused = await send(world, "typeform", "--body", body, "--email", "me@acme.example")
    sent = await send(world, "typeform", "--body", body, "--email", "me@acme.example", "--yes")
    await world.until_settled()
    (entry,) = await world.control("ledger")
    people = await world.rows("SELECT email FROM enrollments")
    # This service enrolls into a sandbox, which it was given by its URL: it does not know that it is one.
    assert "does not say that it enrolls into the sandbox" in str(refused.exception)
    assert "the rules say of me@acme.example: enroll 310001 by rule demo" in sent.stdout
    assert [row.email for row in people] == [entry["email"]] == ["me@acme.example"]


async def test_a_sample_sent_again_is_a_duplicate_unless_it_is_sent_as_a_new_event(world: World) -> None:
    named = ("typeform", "--email", "you@acme.example", "--yes")
    first, second = [await send(world, *named) for _ in range(2)]
    anew = [await send(world, *named, "--new") for _ in range(2)]
    assert '"duplicate":true' not in first.stdout
    assert "--new sends it as a new event" in second.stdout
    assert [one.stdout for one in anew if '"duplicate"' in one.stdout] == []


@over(BUILT_IN)
def test_new_makes_another_event_about_the_same_people(case: Case, far: Far, tmp_path: Path) -> None:
    send = Sending(case, far, tmp_path, "--sample", case.text["case"], "--yes")
    for options in ((), ("--new",), ("--new",)):
        sent = send(*options)
        assert sent.exit_code == 0, sent.exception
    before, *anew = [events_of(delivery, case) for delivery in far.seen]
    keys = [{event.dedupe for event in events} for events in (before, *anew)]
    assert len(set.union(*keys)) == sum(map(len, keys))
    same = ("type", "email", "first_name", "last_name", "name", "company", "exit", "thin")
    for after in anew:
        assert [[getattr(e, n) for n in same] for e in after] == [[getattr(e, n) for n in same] for e in before]


@over([case for case in POSTED if case.expected_events])
def test_new_makes_another_event_of_a_file(case: Case, far: Far, tmp_path: Path) -> None:
    (tmp_path / "body").write_text(case.text["body"])
    named = ("--sample", case.text["case"]) if case in BUILT_IN else ()
    send = Sending(case, far, tmp_path, "--body", tmp_path / "body", *named, "--yes")
    if not as_sent(far, send):
        return
    sent = [send("--new") for _ in range(2)]
    assert [one.exit_code for one in sent] == [0, 0], sent[0].exception
    first, second = [{event.dedupe for event in events_of(delivery, case)} for delivery in far.seen]
    assert not first & second


def test_new_changes_the_id_and_nothing_else(far: Far, path: Path) -> None:
    for options in ((), ("--new",)):
        assert run("send-sample", "typeform", "--rules", path, "--url", far.url, "--yes", *options).exit_code == 0
    before, after = [json.loads(delivery.body) for delivery in far.seen]
    assert before.pop("event_id") != after.pop("event_id")
    assert before == after


async def test_practice_is_known_by_what_the_service_itself_says(database_url: str, path: Path) -> None:
    environment = {"SEGUE_DATABASE_URL": database_url, "SEGUE_CONFIG": str(path), "SEGUE_PORT": "0", **secrets()}
    service = Process(
        ["-m", "app", "serve", "--sandbox"], environment | {"SEGUE_LOG_FORMAT": "json"}, r'"ports":\[(\d+)\]'
    )
    try:
        url = f"http://127.0.0.1:{(await service.wait_until_up()).group(1)}"
        named = ("typeform", "--rules", path, "--url", url, "--email", "me@acme.example")
        sent = await asyncio.to_thread(run, "send-sample", *named)
        sandbox = re.search(r'"url":"(http://[^"]+)"', service.log())
        assert sandbox
        async with asyncio.timeout(300), httpx.AsyncClient(base_url=sandbox[1], trust_env=False) as client:
            while not (entries := (await client.get("/_sandbox/ledger")).json()):
                pass
    finally:
        service.end()
    assert sent.exit_code == 0, sent.exception
    assert [entry["email"] for entry in entries] == ["me@acme.example"]


def test_a_dry_run_shows_what_would_be_sent_and_no_secret(path: Path) -> None:
    shown = run("send-sample", "stripe", "--rules", path, "--dry-run")
    assert shown.exit_code == 0
    assert "POST http://127.0.0.1:8080/webhooks/stripe" in shown.stdout
    assert secrets()["STRIPE_SECRET"] not in shown.stdout
    hidden = run("send-sample", "jotform", "--rules", path, "--dry-run")
    assert "POST http://127.0.0.1:8080/webhooks/jotform/[verified]" in hidden.stdout
    assert secrets()["JOTFORM_SECRET"] not in hidden.stdout


def test_a_no_of_the_rules_shows_the_values_and_the_names_that_the_sample_has(path: Path) -> None:
    document = yaml.safe_load(rules())
    document["rules"][0]["when"] = 'event.answers["How many people work for you?"] == "80" && event.email != ""'
    path.write_text(yaml.safe_dump(document))
    shown = run("send-sample", "typeform", "--rules", path, "--dry-run")
    (said, why, *_) = shown.stdout.splitlines()
    assert said.startswith("the rules say of ada@corp.example: none (demo: its condition")
    assert "has no `How many people work for you?`; it has: How many people work at your company?, " in why


def test_a_sample_is_of_the_organization_that_a_source_takes(path: Path) -> None:
    path.write_text(rules().replace("00D000000000001AAA", "00D0000000000OURS1"))
    shown = run("send-sample", "salesforce", "--rules", path, "--dry-run")
    assert "<OrganizationId>00D0000000000OURS1<" in shown.stdout


def test_a_body_of_ones_own_goes_out_as_it_is_and_a_no_is_exit_1(far: Far, path: Path, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text('{"id": "evt_9", "type": "x"}')
    far.status = 401
    sent = run("send-sample", "stripe", "--rules", path, "--body", body, "--url", far.url, "--yes")
    assert (sent.exit_code, [one.body for one in far.seen]) == (1, [body.read_bytes()])
    assert "no rule listens to 'x'" in sent.stdout
    assert "answered 401" in sent.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no source 'nowhere'"),
        (["stripe", "--sample", "zzz"], "no sample of stripe begins with 'zzz'"),
        (["stripe", "--body", "/nowhere"], "cannot read /nowhere"),
        (["stripe", "--url", "http://127.0.0.1:1", "--yes"], "cannot reach http://127.0.0.1:1"),
        (["stripe", "--url", "http://127.0.0.1:1"], "cannot reach http://127.0.0.1:1"),
        (["intercom", "--new", "--body", "{ping}"], "the provider finds no event in it"),
        (["salesforce", "--new", "--body", "{cdata}"], "salesforce tells these events apart by 04l9, which cannot"),
    ],
)
def test_what_cannot_be_sent_is_explained(path: Path, arguments: list[str], message: str, tmp_path: Path) -> None:
    files = {"ping": tmp_path / "ping", "cdata": tmp_path / "cdata"}
    files["ping"].write_text('{"topic":"ping"}')
    (sample, *_) = samples(PROVIDERS["salesforce"], NOON)
    files["cdata"].write_text(re.sub("<Notification><Id>04l.<", "<Notification><Id><![CDATA[04l9]]><", sample.body))
    failed = run("send-sample", *[one.format(**files) for one in arguments], "--rules", path)
    assert isinstance(failed.exception, StartError)
    assert message in str(failed.exception)
