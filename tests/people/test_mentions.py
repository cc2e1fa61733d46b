"""How an address is found in what is stored: in all ways that tools encode it, and no other address."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from app.people.forget import BY_CLI, Forgetter
from app.people.mentions import exact, near, raw, rough
from tests.people.conftest import accept, ask

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncEngine

ANN, PLUS, IDN = "ann@x.example", "ann+news.x_y@x.example", "änn@xn--bcher-kva.example"
IN_BODIES = [
    (ANN, b'{"e": "Ann@X.example"}'),
    (ANN, b'{"e": "ann\\u0040x.example"}'),
    (ANN, b'{"inner": "{\\"e\\": \\"ann\\\\u0040x.example\\"}"}'),
    (ANN, b'{"e": "<b>\\u003cann@x.example\\u003e"}'),
    (ANN, b'{"e": "Hi,\\nann@x.example"}'),
    (ANN, b"e=ann%40x.example&f=1"),
    (ANN, b"q=https%253A%252F%252Fx%253Fe%253Dann%2540x.example"),
    (ANN, b"text=hello+ann%40x.example+there"),
    (ANN, b"to=%3Cann%40x%2Eexample%3E"),
    (ANN, b"<a href='mailto:ann&#64;x.example'>"),
    (ANN, b"ann&commat;x.example ann&#x40;x.example"),
    (ANN, "联系ann@x.example。".encode()),
    (ANN, base64.b64encode(b'{"e": "ann@x.example"}')),
    (ANN, base64.b64encode(b' {"e": "ann@x.example"}')),
    (ANN, base64.urlsafe_b64encode(b'  {"e": "ann@x.example"}')),
    (PLUS, b"e=ann%2Bnews.x_y%40x.example"),
    (PLUS, b"e=ann%2bnews.x_y@x.example"),
    (PLUS, b'{"e": "ann+news.x_y@x.example"}'),
    (PLUS, b'{"e": "ann\\u002bnews.x_y@x.example"}'),
    (IDN, "e=Änn@bücher.example".encode()),
    (IDN, b"e=%C3%A4nn%40b%C3%BCcher.example"),
    (IDN, b'{"e": "\\u00e4nn@xn--bcher-kva.example"}'),
    (IDN, b'{"e": "\\u00c4nn@b\\u00fccher.example"}'),
    (IDN, b"&auml;nn@b&#252;cher.example"),
]
NOT_IN_BODIES = [
    b'{"e": "joann@x.example"}',
    b"e=joann%40x.example",
    b"e=beann%40x.example",
    b'{"e": "ann@x.example.org"}',
    b"e=ann%40x.example.org&",
    b'{"e": "ann@x.examples"}',
    b'{"e": "jo.ann@x.example", "f": "jo-ann@x.example", "g": "jo+ann@x.example"}',
    b'{"e": "ann@xyexample"}',
    base64.b64encode(b"e: john@x.example, ann@x.exam"),
    b"ann at x.example",
]


async def finds(engine: AsyncEngine, pattern: str | None, body: bytes) -> bool:
    ((found,),) = await ask(engine, "SELECT encode(:body, 'escape') ~* :pattern", body=body, pattern=pattern)
    return bool(found)


@pytest.mark.parametrize(("address", "body"), IN_BODIES)
async def test_an_address_is_found_in_a_body_however_it_is_encoded(
    engine: AsyncEngine, address: str, body: bytes
) -> None:
    assert await finds(engine, raw((address,)), body)
    assert await finds(engine, rough((address,)), body)


@pytest.mark.parametrize("body", NOT_IN_BODIES)
async def test_another_address_is_not_found(engine: AsyncEngine, body: bytes) -> None:
    assert not await finds(engine, raw((ANN,)), body)


@pytest.mark.parametrize(
    ("address", "written", "left"),
    [
        (ANN, "Hi,\nann@x.example", "Hi,\n[forgotten]"),
        (ANN, "https://x/?e=ann%40x.example&f", "https://x/?e=[forgotten]&f"),
        (ANN, "C:\\ann@x.example", "C:\\[forgotten]"),
        ("nora@x.example", "Hi,\nora@x.example", "Hi,\nora@x.example"),
        ("tom@x.example", "Hi,\tom@x.example \\tom@x.example", "Hi,\tom@x.example \\[forgotten]"),
        (ANN, "\u0001ann@x.example", "\u0001[forgotten]"),
        (ANN, "joann@x.example, ann@x.example.org", "joann@x.example, ann@x.example.org"),
        (PLUS, "<Ann+News.x_y@x.example>", "<[forgotten]>"),
        (IDN, "an Änn@bücher.example, heute", "an [forgotten], heute"),
    ],
)
async def test_what_is_put_in_its_place_leaves_the_rest_and_is_json(
    engine: AsyncEngine, address: str, written: str, left: str
) -> None:
    statement = "SELECT CAST(regexp_replace(CAST(CAST(:j AS jsonb) AS text), :e, '[forgotten]', 'gi') AS jsonb)->>0"
    assert await ask(engine, statement, j=json.dumps([written]), e=exact((address,))) == [(left,)]
    nearly = await ask(
        engine, "SELECT CAST(CAST(:j AS jsonb) AS text) ~* :near", j=json.dumps([written]), near=near((address,))
    )
    assert nearly == [(True,)] or left == written


@pytest.mark.parametrize("text", ["none", "true", '"', '"ann@x.example', "ann\\@x.example", "@", "ann@", "forgotten"])
async def test_what_is_no_address_is_looked_for_nowhere(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter, text: str
) -> None:
    await accept(engine, make_entry("e1", ANN))
    await ask(engine, "UPDATE events SET data = CAST(:j AS jsonb)", j=json.dumps({"a": f"none true {text}"}))
    before = await ask(engine, "SELECT data, (SELECT count(*) FROM deliveries) FROM events")
    assert await forgetter.finish((await forgetter.begin(text, by=BY_CLI)).id)
    assert await ask(engine, "SELECT data, (SELECT count(*) FROM deliveries) FROM events") == before


async def test_a_sender_of_the_operator_who_is_forgotten_still_sends(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await accept(engine, make_entry("e1", ANN))
    sender = "anna@acme.example"
    plan = json.dumps({"sender": sender})
    await ask(engine, "UPDATE enrollments SET plan = plan || CAST(:p AS jsonb), sender_email = :s", p=plan, s=sender)
    assert await forgetter.finish((await forgetter.begin(sender, by=BY_CLI)).id)
    kept = "SELECT state, email, plan->>'sender', sender_email FROM enrollments"
    assert await ask(engine, kept) == [("ready", ANN, sender, sender)]
