"""What single providers and the reading of fields must get right beyond the cases that all share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from app.errors import Unauthenticated, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import PROVIDERS, fields
from app.sources.providers.segment import signed_part
from app.sources.strict_json import parse

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
MIXPANEL = '{"action": "add_members", "parameters": {"mixpanel_cohort_id": "1", "members": ['


def read(provider: str, body: bytes, url: str = "https://segue.example/x", **headers: str) -> Event:
    config = SourceConfig("x", provider, (Secret("c2VjcmV0"),))
    return PROVIDERS[provider].events(Delivery("d", "x", NOW, "POST", url, headers, body), config)[0]


def test_a_workflow_is_told_by_contact_flow_and_body() -> None:
    contact = b'{"vid":1,"portal-id":2}'
    events = [
        read("hubspot", contact, "https://segue.example/x?flow=1"),
        read("hubspot", contact, "https://segue.example/x?flow=2"),
        read("hubspot", contact, "https://segue.example/x?workflow=3"),
        read("hubspot", contact + b" ", "https://segue.example/x?flow=1"),
        read("hubspot", contact.replace(b"1", b"3"), "https://segue.example/x?flow=1"),
    ]
    assert len({event.dedupe for event in events}) == len(events)
    assert events[0].dedupe[:3] == ("2", "1", "1")


def test_a_secret_that_is_written_with_escapes_is_kept_nowhere_either() -> None:
    secret = "tok-made-up_4f81c2d9"
    escaped = "tok%2Dmade-up%5F4f81c2d9"
    urls = {
        "jotform": f"https://x.example/webhooks/x/{escaped}",
        "cloudevents": f"https://x.example/webhooks/x?a=b&access_token={escaped}#c",
    }
    for name, url in urls.items():
        config = SourceConfig("x", name, (Secret(secret),), PROVIDERS[name].Options())
        delivery = Delivery("d", "x", NOW, "POST", url, {}, b"{}")
        PROVIDERS[name].verify(delivery, config, NOW)
        assert PROVIDERS[name].stored(delivery, config).url == url.replace(escaped, "[verified]")


def test_zooms_tuple_tells_deliveries_without_ids_apart() -> None:
    bodies = [b'{"event":"app_deauthorized"}', b'{"event":"app_deauthorized","payload":{"user_id":1}}']
    assert len({read("zoom", body).dedupe for body in bodies}) == len(bodies)


def test_what_comes_from_a_header_or_url_can_be_stored() -> None:
    assert read("hubspot", b"{}", "https://segue.example/x?flow=a%00b").dedupe[2] == "a\ufffdb"
    assert read("standard-webhooks", b"{}", **{"webhook-id": "a\0b"}).id == "a\ufffdb"
    with pytest.raises(Unreadable):
        read("standard-webhooks", b"{}", **{"webhook-id": "\ud800"})


@pytest.mark.parametrize("piece", [b'\\"', b'"\\', b'"', b"{", b"[", b'"",', b" "])
def test_hostile_batches_are_cut_in_linear_time(piece: bytes) -> None:
    # No clock here: scanning that starts over at each quote would run into the limit that every test has.
    with pytest.raises(Unauthenticated):
        signed_part(b"[{" + piece * 400_000)


def test_a_wide_body_is_not_a_deep_one() -> None:
    assert parse(b"[" + b"{}," * 1000 + b"1]") == [{}] * 1000 + [1]


@pytest.mark.parametrize(
    ("value", "found"),
    [("a", "a"), (7, "7"), (2**80, str(2**80)), (True, None), (None, None), ("", None), (1.5, None), ([], None)],
)
def test_an_id_is_a_text_or_a_whole_number(value: Any, found: str | None) -> None:
    assert fields.id_at({"id": value}, "id") == found


def test_a_missing_id_is_named_by_its_path() -> None:
    with pytest.raises(Unreadable, match="/a/0/b~1c is missing"):
        fields.required({"a": [{}]}, "a", 0, "b/c")


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "utf-8"])
def test_a_form_is_read_in_the_encoding_that_it_names(charset: str) -> None:
    body = urlencode({"id": "1", "form_id": "2", "Name": "Inès"}, encoding=charset).encode()
    headers = {"content-type": f"application/x-www-form-urlencoded; charset={charset}"}
    assert read("gravity-forms", body, **headers).name == "Inès"


def test_xml_is_read_in_the_encoding_that_it_names() -> None:
    record = '<sObject t:type="sf:Lead" xmlns:t="http://www.w3.org/2001/XMLSchema-instance"><LastName>Müller</LastName></sObject>'
    body = (
        '<?xml version="1.0" encoding="ISO-8859-1"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
        '<e:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound"><Notification><Id>1</Id>'
        f"{record}</Notification></notifications></e:Body></e:Envelope>"
    ).encode("iso-8859-1")
    assert read("salesforce", body).last_name == "Müller"


def test_files_in_a_multipart_form_are_kept_by_name_only_and_repeated_fields_as_lists() -> None:
    part = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    body = (
        part.format("submissionID", "", "1")
        + part.format("cv", '; filename="cv.pdf"', "%PDF")
        + part.format("topic", "", "a")
        + part.format("topic", "", "b")
        + "--x--\r\n"
    )
    data = read("jotform", body.encode(), **{"content-type": "multipart/form-data; boundary=x"}).data
    assert (data["cv"], data["topic"]) == ("cv.pdf", ["a", "b"])


@pytest.mark.parametrize(("provider", "start", "end"), [("hubspot", "[", "]"), ("mixpanel", MIXPANEL, "]}}")])
def test_a_batch_has_as_many_members_as_senders_send(provider: str, start: str, end: str) -> None:
    config = SourceConfig("x", provider)
    body = (start + ",".join(["{}"] * 10_001) + end).encode()
    with pytest.raises(Unreadable) as refusal:
        PROVIDERS[provider].events(Delivery("d", "x", NOW, "POST", "https://x.example", {}, body), config)
    assert refusal.value.reason == "too_many_members"
