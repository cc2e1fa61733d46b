from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.console.signin.csrf import refusal
from app.console.signin.origins import Origins, cookie_name, origin_of
from app.networks import read_networks

OWN = frozenset({"https://segue.acme.example"})
SITES = st.lists(st.sampled_from(["same-origin", "same-site", "cross-site", "none", "Same-Origin", ""]), max_size=2)
ORIGINS = st.lists(
    st.sampled_from(["https://segue.acme.example", "http://segue.acme.example", "https://evil.example", "null", ""]),
    max_size=2,
)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "get", "FORM"])


def given_headers(sites: list[str], origins: list[str]) -> list[tuple[bytes, bytes]]:
    return [(b"Sec-Fetch-Site", one.encode()) for one in sites] + [(b"origin", one.encode()) for one in origins]


@given(METHODS, SITES, ORIGINS)
def test_what_changes_something_goes_on_only_from_a_page_of_our_own(
    method: str, sites: list[str], origins: list[str]
) -> None:
    allowed = refusal(method, given_headers(sites, origins), OWN) is None
    if method in {"GET", "HEAD"}:
        assert allowed
    elif sites:
        assert allowed == (sites == ["same-origin"])
    else:
        assert allowed == (origins == ["https://segue.acme.example"])


@given(st.text(max_size=40))
def test_only_the_very_word_and_the_very_origin_are_taken(word: str) -> None:
    spelled = word.encode("utf-8", "surrogatepass")
    if word.strip() != "same-origin":
        assert refusal("POST", [(b"sec-fetch-site", spelled)], OWN) is not None
    if word.strip() not in OWN:
        assert refusal("POST", [(b"origin", spelled)], OWN) is not None


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Segue.Acme.Example:443/x?y", "https://segue.acme.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:80/", "http://[::1]"),
        ("ftp://acme.example", None),
        ("https://", None),
        ("https://acme.example:port", None),
        ("https://[", None),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str | None) -> None:
    assert origin_of(url) == origin


def scope(host: str, *, peer: str = "10.0.0.9", said: str | None = None) -> dict[str, object]:
    headers = [(b"host", host.encode())] + ([(b"x-forwarded-proto", said.encode())] if said else [])
    return {"type": "http", "headers": headers, "client": (peer, 1), "scheme": "http"}


NOTHING = Origins.of(None, None, (), apart=False)
PROXIED = Origins.of(None, None, read_networks("10.0.0.0/8"), apart=False)
NAMED = Origins.of("https://segue.acme.example/", "https://hooks.acme.example/in", (), apart=False)


@pytest.mark.parametrize(
    ("origins", "asked", "secure"),
    [
        (NOTHING, scope("segue.acme.example"), None),
        (NOTHING, scope("segue.acme.example", said="https"), None),
        (NOTHING, scope("localhost:8080"), False),
        (NOTHING, scope("not a host/"), None),
        (PROXIED, scope("segue.acme.example", said="https"), True),
        (PROXIED, scope("segue.acme.example", peer="192.0.2.1", said="https"), None),
        (NAMED, scope("segue.acme.example"), True),
        (NAMED, scope("hooks.acme.example"), True),
        (NAMED, scope("127.0.0.1:8080"), False),
        (NAMED, scope("other.acme.example"), None),
    ],
)
def test_cookies_travel_by_tls_or_stay_on_this_machine(
    origins: Origins, asked: dict[str, object], *, secure: bool | None
) -> None:
    assert origins.secure(asked) is secure


def test_the_first_url_is_the_one_that_the_identity_provider_redirects_to() -> None:
    assert (NOTHING.configured, NOTHING.callback) == (frozenset(), None)
    assert Origins.of(None, "https://hooks.acme.example", (), apart=True).callback is None
    assert NAMED.callback == "https://segue.acme.example"
    assert NAMED.own(scope("localhost:8080")) == NAMED.configured | {"http://localhost:8080"}


def test_a_cookie_over_tls_is_bound_to_its_host() -> None:
    assert cookie_name("segue", secure=True) == "__Host-segue"
    assert cookie_name("segue", secure=False) == "segue"
