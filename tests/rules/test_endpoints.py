"""Endpoints in the rules file: who receives what, and every mistake with its place and without a secret."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest
import yaml

from app.cli.rules_file import environment_of
from app.errors import RulebookError
from app.model import OutboundKind
from app.rules.file.documents import Document
from app.rules.file.json_schema import json_schema
from app.rules.lint import lint
from app.rules.load import load
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from app.rules.rulebook import Rulebook

SECRET = "whsec_b3V0Ym91bmQtbWFkZS11cC1zZWNyZXQtMQ=="
ENVIRONMENT = {
    "SECRET": SECRET,
    "NEWER": "whsec_b3V0Ym91bmQtbWFkZS11cC1zZWNyZXQtMg==",
    "SHORT": "whsec_c2hvcnQ=",
    "NOT_BASE64": "whsec_hunter2!",
    "PLAIN": "hunter2",
    "HOST": "crm.acme.example",
}
HEAD = "version: 1\naccounts: {main: {token: x}, emea: {token: y}}\nendpoints:\n"
URL = 'url: "https://${HOST}/hooks"'
ONE = f'{URL}, secrets: ["${{SECRET}}"]'
HOW = "make one by `echo whsec_$(openssl rand -base64 32)`"


def book(entry: str) -> Rulebook:
    return load((Document("r.yaml", f"{HEAD}  crm: {{{entry}}}\n"),), environment=ENVIRONMENT, providers=PROVIDERS)


def test_an_endpoint_receives_everything_of_all_accounts_where_nothing_is_said() -> None:
    endpoint = book(ONE).endpoints["crm"]
    assert endpoint.url == "https://crm.acme.example/hooks"
    assert [secret.value for secret in endpoint.secrets] == [SECRET]
    assert all(
        book(ONE).endpoints_for(kind, account) == ("crm",) for kind in OutboundKind for account in ("main", "emea")
    )


def test_it_receives_the_kinds_and_accounts_that_it_names() -> None:
    made = book(ONE + ", events: [parked, replied], accounts: [emea]")
    wanted = {
        (kind, account) for kind in OutboundKind for account in ("main", "emea") if made.endpoints_for(kind, account)
    }
    assert wanted == {(OutboundKind.PARKED, "emea"), (OutboundKind.REPLIED, "emea")}


def test_an_accounts_own_name_counts_in_practice_too() -> None:
    made = book(ONE + ", accounts: [emea]")
    practised = {key: replace(account, name=f"sandbox:{key}") for key, account in made.accounts.items()}
    practice = replace(made, accounts=practised)
    assert practice.endpoints_for(OutboundKind.ENROLLED, "sandbox:emea") == ("crm",)
    assert practice.endpoints_for(OutboundKind.ENROLLED, "sandbox:main") == ()


def test_neither_its_secrets_nor_its_expanded_url_are_shown() -> None:
    endpoint = book(ONE).endpoints["crm"]
    assert SECRET not in repr(endpoint)
    assert "crm.acme.example" not in repr(endpoint)
    assert endpoint.shown == "https://${HOST}/hooks"


def test_its_fingerprint_changes_with_url_and_secrets_alone() -> None:
    first = book(ONE).endpoints["crm"].fingerprint
    assert book(ONE + ", events: [parked]").endpoints["crm"].fingerprint == first
    assert book(ONE.replace("hooks", "hooks2")).endpoints["crm"].fingerprint != first
    assert book(ONE.replace("SECRET", "NEWER")).endpoints["crm"].fingerprint != first
    assert book(ONE.replace("]", ', "${NEWER}"]')).endpoints["crm"].fingerprint != first


BAD_URL = "r.yaml:4:14: must be a URL like https://crm.acme.example/hooks/segue"
CASES = {
    "no URL": ('secrets: ["${SECRET}"]', ["r.yaml:4:8: 'url' is missing"]),
    "no secrets": (URL, [f"r.yaml:4:8: it needs `secrets`, with which events are signed: {HOW}"]),
    "not a whsec_ secret": (
        URL + ', secrets: ["${SECRET}", "${PLAIN}"]',
        [f"r.yaml:4:62: a secret begins with whsec_: {HOW}"],
    ),
    "a secret that is no base64": (
        URL + ', secrets: ["${NOT_BASE64}"]',
        [f"r.yaml:4:49: what follows whsec_ is not base64: {HOW}"],
    ),
    "a secret that is too short": (
        URL + ', secrets: ["${SHORT}"]',
        [f"r.yaml:4:49: a secret is 24 to 64 bytes, this one 5: {HOW}"],
    ),
    "a secret that is not set": (
        URL + ', secrets: ["${NOWHERE}"]',
        ["r.yaml:4:49: the environment variable NOWHERE is not set"],
    ),
    "an unknown kind": (
        ONE + ", events: [enrolled, born]",
        ["r.yaml:4:82: must be 'enrolled', 'refused', 'parked', 'ended' or 'replied'"],
    ),
    "no kind": (ONE + ", events: []", ["r.yaml:4:71: must not be empty"]),
    "an unknown account": (
        ONE + ", accounts: [main, apac]",
        ["r.yaml:4:80: there is no account 'apac' in `accounts`"],
    ),
    "an unknown key": (ONE + ", retries: 3", ["r.yaml:4:63: unknown key 'retries'"]),
    "ftp": (ONE.replace("https", "ftp"), [BAD_URL]),
    "no host": ('url: "https:///hooks", secrets: ["${SECRET}"]', [BAD_URL]),
    "a port that is none": ('url: "https://a:99999/x", secrets: ["${SECRET}"]', [BAD_URL]),
    "an address that is none": ('url: "http://300.1.1.1/h", secrets: ["${SECRET}"]', [BAD_URL]),
    "a name with a hole": ('url: "https://crm..acme.example/h", secrets: ["${SECRET}"]', [BAD_URL]),
    "a name too long for DNS": ('url: "https://' + "a" * 64 + '.example/h", secrets: ["${SECRET}"]', [BAD_URL]),
    "a blank": ('url: "https://a/x y", secrets: ["${SECRET}"]', [BAD_URL]),
    "a user in the URL": (
        'url: "https://me:hunter2@a/x", secrets: ["${SECRET}"]',
        ["r.yaml:4:14: a URL with a user or a #fragment cannot be posted to: the signature says who sends"],
    ),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_mistake_is_reported_with_its_place_and_without_a_secret(case: str) -> None:
    entry, expected = CASES[case]
    with pytest.raises(RulebookError) as refused:
        book(entry)
    assert [str(mistake) for mistake in refused.value.mistakes] == expected
    assert "hunter2" not in str(refused.value)


def test_rules_are_checked_without_their_secrets() -> None:
    text = HEAD + '  crm: {url: "${CRM_URL_THAT_IS_UNSET}", secrets: ["whsec_${UNSET}", "${STILL_UNSET}"]}\n'
    environment = environment_of(None, placeholders=True)
    assert load((Document("r.yaml", text),), environment=environment, providers=PROVIDERS).endpoints


@pytest.mark.parametrize(
    ("entry", "fits"),
    [
        (ONE, True),
        (ONE + ", events: [enrolled], accounts: [main]", True),
        (URL, False),
        ('secrets: ["x"]', False),
        (ONE + ", events: [born]", False),
        (ONE + ", retries: 3", False),
    ],
)
def test_the_schema_says_the_same(entry: str, *, fits: bool) -> None:
    value = yaml.safe_load(f"{HEAD}  crm: {{{entry}}}\n")
    assert jsonschema_rs.validator_for(json_schema(PROVIDERS)).is_valid(value) is fits


@pytest.mark.parametrize(
    ("url", "noted"),
    [
        ("https://${HOST}/hooks", False),
        ("http://${HOST}/hooks", True),
        ("http://10.0.0.5/", True),
        ("http://127.0.0.1:9/", False),
    ],
)
def test_check_notes_an_endpoint_whose_events_can_be_read_on_their_way(url: str, *, noted: bool) -> None:
    found = lint(book(ONE.replace("https://${HOST}/hooks", url)))
    assert [one.level for one in found if "read on their way" in one.message] == ["note"] * noted
