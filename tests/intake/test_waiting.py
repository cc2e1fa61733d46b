"""What waits for its commit: bounded by what it holds in memory, and shared fairly by the sources."""

from __future__ import annotations

import gc
import json
import sys
from dataclasses import fields, replace
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from app.errors import Busy
from app.intake.entries import DecidedEvent
from app.intake.json_text import dumped, json_text
from app.intake.rows import rows
from app.intake.waiting import MAXIMUM_BATCH, MAXIMUM_BATCH_BYTES, Waiting, packed, size_of

if TYPE_CHECKING:
    from app.intake.entries import IntakeRecord

SHARED = (type, ModuleType, FunctionType)


def held(*roots: Any) -> int:
    """Return the bytes of all objects that can be reached, each counted once."""
    seen, unseen = dict[int, Any](), list(roots)
    while unseen:
        one = unseen.pop()
        if id(one) not in seen and not isinstance(one, SHARED):
            seen[id(one)] = one
            unseen += gc.get_referents(one)
    return sum(map(sys.getsizeof, seen.values()))


def of(source: str, entry: IntakeRecord) -> IntakeRecord:
    return replace(entry, delivery=replace(entry.delivery, source=source))


PAYLOADS: dict[str, Any] = {
    "small": {"plan": "pro"},
    "usual": {"note": "x" * 700, "score": 80},
    "many objects": {"all": [{"a": 1}] * 70_000},
    "many lists": {"all": [[] for _ in range(200_000)]},
    "one long text": {"note": "x" * 1_000_000},
    "beyond ASCII": {"note": "\u00e9\U0001f600" * 10_000},
    "a large integer": {"n": 2**80, "all": [{"a": 1}] * 10_000},
}


@pytest.mark.parametrize("data", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("headers", [5, 90])
def test_a_record_is_counted_as_what_it_holds(make_entry: Any, data: dict[str, Any], headers: int) -> None:
    raw = json.dumps(data, ensure_ascii=False).encode()
    entry = make_entry("e1", data=json.loads(raw))
    sent = replace(entry.delivery, body=raw, headers={f"x-name-{n}": f"value {n}" for n in range(headers)})
    record = packed(replace(entry, delivery=sent))
    real = held(record, sent)
    assert real <= 1.1 * size_of(record, sent)
    assert size_of(record, sent) <= 3 * real


def test_a_body_that_is_kept_twice_is_counted_twice(make_entry: Any) -> None:
    record = packed(make_entry("e1"))
    sent = replace(record.delivery, body=b"x" * 100_000)
    assert size_of(record, sent) > 100_000


def test_a_packed_event_has_every_field_of_the_event(make_entry: Any) -> None:
    entry = make_entry("e1")
    (one,) = entry.events
    marked = type(one.event)(*(f"value of {field.name}" for field in fields(one.event)))
    record = replace(entry, events=(DecidedEvent(one.id, marked, one.decisions),))
    (kept,) = packed(record).events
    values = {field.name: getattr(kept.event, field.name) for field in fields(kept.event)}
    payloads = {name: orjson.loads(values.pop(name).text) for name in ("data", "answers")}
    assert values | payloads == {name: f"value of {name}" for name in {*values, *payloads}}


def test_a_packed_record_makes_the_same_rows(make_entry: Any) -> None:
    for data in ({"plan": "pro", "all": [1, {"a": None}]}, {"n": 2**80}, {"text": "\ud800"}):
        entry = make_entry("e1", data=data)
        entry.events[0].event.answers = {"Size": ["50+"]}
        plain, text = rows([entry]), rows([packed(entry)])
        assert json.loads(text["events"]) == json.loads(plain["events"])
        assert json.loads(text["decisions"]) == json.loads(plain["decisions"])


def test_text_in_a_row_that_only_json_can_write_is_written_whole(make_entry: Any) -> None:
    entry = make_entry("e1", data={"a": 1})
    record = packed(
        replace(entry, events=(replace(entry.events[0], event=replace(entry.events[0].event, name="\ud800")),))
    )
    (row,) = json.loads(rows([record])["events"])
    assert {"a": 1} in row


def filled(waiting: Waiting[int], source: str, entry: Any, *, size: int) -> int:
    """Let records of a source wait until one is refused; return how many wait."""
    before = len(waiting)
    while not is_refused(waiting, source):
        waiting.add(of(source, entry), size, 0)
    return len(waiting) - before


def is_refused(waiting: Waiting[int], source: str) -> bool:
    try:
        waiting.admit(source)
    except Busy as refusal:
        return refusal.reason == "source_queue_full"
    return False


def test_a_source_may_have_half_of_what_the_others_leave(make_entry: Any) -> None:
    entry = make_entry("e1")
    waiting: Waiting[int] = Waiting(limit=1000)
    assert [filled(waiting, source, entry, size=1) for source in ("a", "b", "c")] == [500, 250, 125]
    by_bytes: Waiting[int] = Waiting(limit=10_000, maximum_bytes=1000)
    assert [filled(by_bytes, source, entry, size=10) for source in ("a", "b", "c")] == [51, 25, 13]


def test_one_record_of_a_source_may_wait_while_there_is_room_at_all(make_entry: Any) -> None:
    waiting: Waiting[int] = Waiting(limit=1)
    waiting.admit("a")
    waiting.add(of("a", make_entry("e1")), 1, 1)
    with pytest.raises(Busy) as refusal:
        waiting.admit("b")
    assert refusal.value.reason == "queue_full"
    waiting.take()
    waiting.admit("b")


def test_a_record_larger_than_all_that_may_wait_waits_alone(make_entry: Any) -> None:
    waiting: Waiting[int] = Waiting(limit=10, maximum_bytes=100)
    waiting.admit("a")
    waiting.add(of("a", make_entry("e1")), 1000, 1)
    for source in ("a", "b"):
        with pytest.raises(Busy, match="memory"):
            waiting.admit(source)
    assert [one.ticket for one in waiting.take()] == [1]
    assert (len(waiting), waiting.bytes) == (0, 0)


def test_sources_are_taken_in_turn_and_each_in_its_order(make_entry: Any) -> None:
    entry = make_entry("e1")
    waiting: Waiting[str] = Waiting(limit=10_000)
    for number in range(600):
        waiting.add(of("flood", entry), 1, f"flood {number}")
    for number in range(2):
        waiting.add(of("other", entry), 1, f"other {number}")
    first = [one.ticket for one in waiting.take()]
    assert first[:5] == ["flood 0", "other 0", "flood 1", "other 1", "flood 2"]
    assert len(first) == MAXIMUM_BATCH
    assert [one.ticket for one in waiting.take()] == [f"flood {number}" for number in range(510, 600)]
    assert (len(waiting), waiting.bytes) == (0, 0)


def test_a_batch_is_bounded_by_what_it_holds(make_entry: Any) -> None:
    waiting: Waiting[int] = Waiting(limit=10)
    for number, size in enumerate((MAXIMUM_BATCH_BYTES + 1, MAXIMUM_BATCH_BYTES // 2, MAXIMUM_BATCH_BYTES // 2, 1)):
        waiting.add(make_entry("e1"), size, number)
    assert [[one.ticket for one in waiting.take()] for _ in range(3)] == [[0], [1, 2], [3]]


def test_what_is_no_json_is_a_defect() -> None:
    with pytest.raises(TypeError):
        json_text({"a": object()})


def test_text_is_put_into_a_row_as_it_is() -> None:
    text = json_text({"a": [1, 2]})
    text.text = b'{"a":  [1,2]}'  # a blank that only a copy of the bytes keeps
    assert dumped([("x", text)]) == b'[["x",{"a":  [1,2]}]]'
