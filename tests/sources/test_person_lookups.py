"""Events that name a person by an id only: which request completes them, and what its answer makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr, ValidationError

import app.sources
from app.errors import LookupFailed, LookupNotFound, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.field_map import mapped
from app.sources.person_lookup import PersonProvider

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
SAMPLES = Path(app.sources.__file__).parent / "samples"
BEARER = "Bearer made-up"


class Asked(NamedTuple):
    """A sample that needs a lookup: the request (with one header of it), the answer, the event's fields then."""

    name: str
    options: dict[str, str]
    sample: str
    url: str
    header: tuple[str, str]
    found: Any
    fields: dict[str, str]

    @property
    def body(self) -> str:
        return body_of(self.name, self.sample)


ASKED = [
    Asked(
        "stripe",
        {},
        "a trial that ends soon",
        "api.stripe.com/v1/customers/cus_NffrFeUfNV2Hib",
        ("authorization", BEARER),
        {"id": "cus_NffrFeUfNV2Hib", "object": "customer", "email": "jenny@corp.example", "name": "Jenny Rosen"},
        {"email": "jenny@corp.example", "name": "Jenny Rosen"},
    ),
    Asked(
        "paddle",
        {},
        "a subscription names",
        "api.paddle.com/customers/ctm_01hv6y1jedq4p1n0yqn5ba3ky4",
        ("authorization", BEARER),
        {"data": {"id": "ctm_01hv6y1jedq4p1n0yqn5ba3ky4", "email": "jo@corp.example", "name": "Jo Brown"}},
        {"email": "jo@corp.example", "name": "Jo Brown"},
    ),
    Asked(
        "pipedrive",
        {},
        "a deal names",
        "api.pipedrive.com/api/v2/persons/3",
        ("x-api-token", "made-up"),
        {
            "success": True,
            "data": {
                "id": 3,
                "name": "Hal Hunt",
                "first_name": "Hal",
                "last_name": "Hunt",
                "emails": [
                    {"value": "old@corp.example", "primary": False},
                    {"value": "hal@corp.example", "primary": True},
                ],
            },
        },
        {"email": "hal@corp.example", "first_name": "Hal", "last_name": "Hunt", "name": "Hal Hunt"},
    ),
    Asked(
        "pipedrive",
        {"company_domain": "acme"},
        "an activity, first version",
        "acme.pipedrive.com/api/v2/persons/3",
        ("x-api-token", "made-up"),
        {"success": True, "data": {"id": 3, "name": "H. Hunt", "emails": [{"value": "hal@corp.example"}]}},
        {"email": "hal@corp.example", "name": "H. Hunt", "company": "Hunt Ltd"},  # what the tool lacks is the event's
    ),
    Asked(
        "chargebee",
        {"site": "acme-test"},
        "an invoice names",
        "acme-test.chargebee.com/api/v2/customers/cust_1",
        ("authorization", "Basic bWFkZS11cDo="),
        {"customer": {"id": "cust_1", "email": "mei@corp.example", "first_name": "Mei", "company": "Tan Ltd"}},
        {"email": "mei@corp.example", "first_name": "Mei", "company": "Tan Ltd"},
    ),
    Asked(
        "intercom",
        {"api_host": "api.eu.intercom.io"},
        "a conversation names",
        "api.eu.intercom.io/contacts/5ba682d23d7cf92bef87bfd4",
        ("intercom-version", "2.11"),
        {"type": "contact", "id": "5ba682d23d7cf92bef87bfd4", "email": "wash@corp.example", "name": "Hoban Washburn"},
        {"email": "wash@corp.example", "name": "Hoban Washburn"},
    ),
    Asked(
        "segment",
        {"space_id": "kNU0gh7EVl", "batches": "first-only"},
        "a tracked event",
        "profiles.segment.com/v1/spaces/kNU0gh7EVl/collections/users/profiles/user_id:97980cfea0067/traits?limit=200",
        ("authorization", "Basic bWFkZS11cDo="),
        {"traits": {"email": "peter@corp.example", "firstName": "Peter", "company": "Initech"}, "cursor": {}},
        {"email": "peter@corp.example", "first_name": "Peter", "company": "Initech"},
    ),
    Asked(
        "slack",
        {},
        "a reaction names",
        "slack.com/api/users.info?user=U012AB3CDE",
        ("authorization", BEARER),
        {"ok": True, "user": {"id": "U012AB3CDE", "profile": {"email": "jan@corp.example", "real_name": "Jan Jay"}}},
        {"email": "jan@corp.example", "name": "Jan Jay"},
    ),
    Asked(
        "customerio",
        {"api_host": "api-eu.customer.io"},
        "a push names",
        "api-eu.customer.io/v1/customers/03000001/attributes?id_type=cio_id",
        ("authorization", BEARER),
        {"customer": {"id": "42", "attributes": {"email": "jon@corp.example", "first_name": "Jon"}}},
        {"email": "jon@corp.example", "first_name": "Jon"},
    ),
]
EACH = pytest.mark.parametrize("asked", ASKED, ids=lambda asked: f"{asked.name}: {asked.sample}")


def config_of(name: str, options: dict[str, str], *, token: str | None = "made-up", **fields: str) -> SourceConfig:
    given = options if token is None else options | {"api_token": token}
    return SourceConfig("tool", name, (Secret("x"),), PROVIDERS[name].Options.model_validate(given), fields)


def cases_of(name: str) -> list[dict[str, Any]]:
    tops = [json.loads(path.read_text()) for path in sorted((SAMPLES / name).glob("*.json"))]
    return [case for top in tops for case in (top, *top["more_cases"])]


def body_of(name: str, sample: str) -> str:
    (case,) = [case for case in cases_of(name) if case["case"].startswith(sample)]
    return str(case["body"])


def read(config: SourceConfig, body: str) -> Event:
    headers = {"content-type": "application/json"}
    delivery = Delivery("d", "tool", NOON, "POST", "https://segue.example/webhooks/tool", headers, body.encode())
    event, *_ = PROVIDERS[config.provider].events(delivery, config)
    return mapped(event, config, {})


@EACH
def test_an_event_that_names_its_person_by_an_id_is_completed_by_its_tool(asked: Asked) -> None:
    provider, config = PROVIDERS[asked.name], config_of(asked.name, asked.options)
    event = read(config, asked.body)
    assert (event.thin, event.lacking) == (True, None)
    lookup = provider.lookup(event, config)
    assert lookup is not None
    assert f"{lookup.host}{lookup.path}" == asked.url
    assert lookup.headers[asked.header[0]] == asked.header[1]
    whole = provider.enriched(event, asked.found)
    assert {field: getattr(whole, field) for field in asked.fields} == asked.fields
    assert event.data.items() < whole.data.items()
    assert whole.data["person"]


@EACH
def test_without_a_token_the_event_says_what_it_lacks(asked: Asked) -> None:
    event = read(config_of(asked.name, asked.options, token=None), asked.body)
    assert not event.thin
    subject = PROVIDERS[asked.name].lookup_subject
    assert event.lacking == f"it names its {subject} by an id only; give source 'tool' an `api_token`"


@EACH
def test_an_answer_without_the_person_is_unreadable_and_one_without_an_address_says_so(asked: Asked) -> None:
    provider = PROVIDERS[asked.name]
    assert isinstance(provider, PersonProvider)
    event = read(config_of(asked.name, asked.options), asked.body)
    wrongs: list[Any] = [[], None, "x", {"data": [], "customer": 1, "user": None, "ok": True}]
    for wrong in wrongs:
        if provider.person.within or not isinstance(wrong, dict):
            with pytest.raises((Unreadable, LookupFailed)):
                provider.enriched(event, wrong)
    empty: dict[str, Any] = {"id": "1", "deleted": True}
    for step in reversed(provider.person.within):
        empty = {step: empty, "ok": True}
    assert provider.enriched(event, empty).lacking == f"the {provider.lookup_subject} that it names has none"


@EACH
def test_a_token_is_in_no_text_of_a_lookup(asked: Asked) -> None:
    config = config_of(asked.name, asked.options, token="s3cret-token")
    lookup = PROVIDERS[asked.name].lookup(read(config, asked.body), config)
    assert "s3cret-token" not in f"{lookup!r} {config!r}"


@pytest.mark.parametrize("name", sorted({one[0] for one in ASKED}))
def test_an_event_with_an_address_is_never_thin(name: str) -> None:
    options = {"chargebee": {"site": "acme-test"}, "segment": {"space_id": "s1", "batches": "first-only"}}.get(name, {})
    for case in cases_of(name):
        if case.get("event") and case["event"]["email"] and "application/json" in case["headers"]["Content-Type"]:
            event = read(config_of(name, options), case["body"])
            assert (event.email is not None, event.thin, event.lacking) == (True, False, None)


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.name)
def test_samples_that_need_a_lookup_are_thin(provider: Any) -> None:
    for case in cases_of(provider.name):
        if case["expected"].get("enrichment_needed") and case.get("options", {}).get("api_token"):
            event = read(config_of(provider.name, case["options"], token=case["options"]["api_token"]), case["body"])
            assert event.thin


def test_names_are_all_of_the_tool_or_all_of_the_event() -> None:
    own = {"first_name": "Bob", "last_name": "Billing", "name": "Bob Billing", "company": "Bob's"}
    event = Event("tool", "x", ("1",), **own)  # type: ignore[arg-type]  # fields by name
    named = PROVIDERS["stripe"].enriched(event, {"email": "jenny@corp.example", "name": "Jenny Rosen"})
    assert (named.name, named.first_name, named.last_name, named.company) == ("Jenny Rosen", None, None, "Bob's")
    nameless = PROVIDERS["stripe"].enriched(event, {"email": "jenny@corp.example"})
    assert {field: getattr(nameless, field) for field in own} == own


@pytest.mark.parametrize(("account", "sent"), [("acct_1032D82e", "acct_1032D82e"), (None, None)])
def test_a_connected_accounts_customer_is_asked_for_in_that_account(account: str | None, sent: str | None) -> None:
    config = config_of("stripe", {})
    event = Event("tool", "x", ("1",), data={"account": account, "data": {"object": {"customer": "cus_1"}}})
    lookup = PROVIDERS["stripe"].lookup(event, config)
    assert lookup is not None
    assert lookup.headers.get("stripe-account") == sent


def test_what_is_no_account_of_stripe_becomes_no_header() -> None:
    data = {"account": "acct_1\r\nx: y", "data": {"object": {"customer": "cus_1"}}}
    assert PROVIDERS["stripe"].lookup(Event("tool", "x", ("1",), data=data), config_of("stripe", {})) is None


def test_an_address_that_map_finds_spares_the_lookup_and_the_hint() -> None:
    body = json.loads(body_of("paddle", "a subscription names"))
    body["data"]["custom_data"] = {"email": "own@corp.example"}
    for token in ("made-up", None):
        event = read(config_of("paddle", {}, token=token, email="$.data.custom_data.email"), json.dumps(body))
        assert (event.email, event.thin, event.lacking) == ("own@corp.example", False, None)


def test_paddles_sandbox_keys_are_used_at_its_sandbox_unless_the_source_names_a_host() -> None:
    body = body_of("paddle", "a subscription names")
    for token, options, host in [
        ("pdl_sdbx_apikey_made_up", {}, "sandbox-api.paddle.com"),
        ("pdl_live_apikey_made_up", {}, "api.paddle.com"),
        ("an-older-key", {"api_host": "sandbox-api.paddle.com"}, "sandbox-api.paddle.com"),
    ]:
        config = config_of("paddle", options, token=token)
        lookup = PROVIDERS["paddle"].lookup(read(config, body), config)
        assert lookup is not None
        assert lookup.host == host


@pytest.mark.parametrize(
    ("id_", "path"),
    [
        ("cus_1", "/v1/customers/cus_1"),
        ("a+b@corp.example", "/v1/customers/a%2Bb%40corp.example"),
        ("..", None),
        (".", None),
        ("../account", None),
        ("cus_1/sources", None),
        ("cus_1?expand=x", None),
        ("cus_1#x", None),
        ("cus_1%2f..", None),
        ("cus 1", None),
        ("cus\n1", None),
        ("ä", None),
        ("x" * 151, None),
        ("", None),
        (None, None),
        ({"id": "cus_1"}, None),
        (True, None),
    ],
)
def test_an_id_becomes_one_part_of_the_path_or_nothing(id_: Any, path: str | None) -> None:
    config = config_of("stripe", {})
    event = Event("tool", "x", ("1",), data={"data": {"object": {"customer": id_}}})
    lookup = PROVIDERS["stripe"].lookup(event, config)
    assert (lookup and lookup.path) == path


@pytest.mark.parametrize(
    ("item", "contact"),
    [
        ({"type": "conversation", "source": {"author": {"type": "lead", "id": "l1"}}}, "l1"),
        ({"type": "conversation", "source": {"author": {"type": "admin", "id": "a1"}}}, None),
        ({"type": "conversation", "user": {"type": "user", "id": "u1"}}, "u1"),
        ({"type": "contact_tag", "contact": {"type": "contact", "id": "c1"}}, "c1"),
        ({"type": "contact", "id": "c1"}, None),
        ({"type": "admin", "id": "a1"}, None),
    ],
)
def test_intercoms_admins_are_not_asked_for(item: dict[str, Any], contact: str | None) -> None:
    config = config_of("intercom", {})
    event = read(config, json.dumps({"id": "n1", "topic": "conversation.user.replied", "data": {"item": item}}))
    lookup = PROVIDERS["intercom"].lookup(event, config)
    assert (lookup and lookup.path) == (contact and f"/contacts/{contact}")


def test_slacks_refusals_come_as_a_success() -> None:
    slack, event = PROVIDERS["slack"], Event("tool", "reaction_added", ("1",))
    with pytest.raises(LookupNotFound):
        slack.enriched(event, {"ok": False, "error": "user_not_found"})
    with pytest.raises(LookupFailed) as refused:
        slack.enriched(event, {"ok": False, "error": "missing_scope"})
    assert (refused.value.reason, str(refused.value)) == ("token_refused", "slack.com refused: missing_scope")


def test_each_member_of_segments_batch_is_completed_by_itself() -> None:
    config = config_of("segment", {"space_id": "s1", "batches": "all"})
    config = replace(config, options=config.options.model_copy(update={"tokens": [SecretStr("a-token-in-the-url")]}))
    call = {"type": "track", "event": "x"}
    members = [
        call | {"messageId": "1", "userId": "u1"},
        call | {"messageId": "2", "traits": {"email": "b@corp.example"}},
    ]
    members.append(call | {"messageId": "3", "anonymousId": "a1"})
    delivery = Delivery(
        "d", "tool", NOON, "POST", "https://segue.example/webhooks/tool", {}, json.dumps(members).encode()
    )
    events = PROVIDERS["segment"].events(delivery, config)
    assert [event.thin for event in events] == [True, False, False]


def test_a_token_of_segment_needs_the_space_it_is_for() -> None:
    config = replace(config_of("segment", {"batches": "first-only"}), secrets=(Secret("x"),))
    assert PROVIDERS["segment"].check(config) == [
        "`api_token` needs `space_id`, the space whose profiles are asked for"
    ]


def test_a_key_of_chargebee_needs_the_site_it_is_for() -> None:
    chargebee = PROVIDERS["chargebee"]
    config = replace(config_of("chargebee", {}), secrets=(Secret("user:password"),))
    assert chargebee.check(config) == ["`api_token` needs `site`, the site's name"]
    assert chargebee.check(replace(config, options=chargebee.Options())) == []


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("chargebee", {"site": "acme.evil.example/"}),
        ("chargebee", {"site": "evil.example#"}),
        ("chargebee", {"site": "-"}),
        ("pipedrive", {"company_domain": "evil.example/"}),
        ("pipedrive", {"company_domain": ""}),
        ("segment", {"space_id": "x/../y"}),
        ("segment", {"api_host": "evil.example"}),
        ("paddle", {"api_host": "evil.example"}),
        ("intercom", {"api_host": "evil.example"}),
        ("customerio", {"api_host": "evil.example"}),
        ("stripe", {"api_token": "two\nlines"}),
        ("stripe", {"api_token": "schlüssel"}),
        ("eventbrite", {"api_token": " x"}),
        ("surveymonkey", {"api_token": "x\r\ny"}),
    ],
)
def test_a_host_of_another_kind_and_a_token_that_fits_no_header_are_refused(name: str, options: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        PROVIDERS[name].Options.model_validate(options)


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.name)
def test_hosts_are_named_or_one_label_is_left_to_the_source(provider: Any) -> None:
    for host in provider.hosts:
        assert "*" not in host.removeprefix("*.")
        assert host.count(".") >= 1 + host.startswith("*.")
