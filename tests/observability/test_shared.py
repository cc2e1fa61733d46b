"""Metrics and unknown paths over slots of shared memory: each process writes its own, and each page speaks for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import values
from prometheus_client.parser import text_string_to_metric_families

from app.observability.metrics import Metrics
from app.observability.shared import Numbers, Shared, SharedText, Slot
from app.observability.shared_metrics import share_metrics
from app.observability.unknown_paths import UnknownPaths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Processes:
    """Two processes of a service, as far as their memory goes. `acts` lets the metrics of one be made and used."""

    def __init__(self) -> None:
        self.slots = [Slot("web-1", "web"), Slot("worker", "worker")]

    def start(self, number: int) -> Metrics:
        shared = Shared(self.slots[number], self.slots)
        share_metrics(shared)
        return Metrics(shared=shared)

    def act(self, number: int, action: Callable[[], object]) -> None:
        share_metrics(Shared(self.slots[number], self.slots))
        action()


@pytest.fixture
def processes() -> Iterator[Processes]:
    before = values.ValueClass
    yield Processes()
    values.ValueClass = before


def shown(metrics: Metrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.page().decode())
    return {(one.name, *sorted(one.labels.values())): one.value for family in families for one in family.samples}


def test_counts_and_buckets_add_up_whichever_process_is_asked(processes: Processes) -> None:
    web, worker = processes.start(0), processes.start(1)
    processes.act(0, lambda: web.received("crm", "accepted"))
    processes.act(1, lambda: worker.hubspot_call("main", "enroll", 200, 0.02))
    processes.act(1, lambda: worker.hubspot_call("main", "enroll", 200, 4.0))
    processes.act(0, lambda: web.hubspot_call("main", "enroll", 200, 0.02))
    for metrics in (web, worker):
        page = shown(metrics)
        assert page["segue_webhooks_received_total", "accepted", "crm"] == 1
        assert page["segue_hubspot_requests_total", "200", "enroll", "main"] == 3
        assert page["segue_hubspot_request_duration_seconds_count", "enroll"] == 3
        assert page["segue_hubspot_request_duration_seconds_sum", "enroll"] == pytest.approx(4.04)
        assert page["segue_hubspot_request_duration_seconds_bucket", "0.025", "enroll"] == 2


def test_a_process_goes_on_with_the_counts_of_the_one_before_it(processes: Processes) -> None:
    web, worker = processes.start(0), processes.start(1)
    processes.act(1, lambda: worker.parked("no_outcome"))
    successor = processes.start(1)
    processes.act(1, lambda: successor.parked("no_outcome"))
    assert shown(web)["segue_parked_total", "no_outcome"] == 2


def test_of_a_gauge_that_several_processes_set_the_last_one_counts(processes: Processes) -> None:
    web, worker = processes.start(0), processes.start(1)
    processes.act(0, lambda: web.reload_succeeded("ff"))
    processes.act(1, lambda: worker.reload_succeeded("ff"))
    processes.act(0, web.reload_failed)
    assert shown(worker)["segue_config_last_reload_successful",] == 0
    processes.act(1, lambda: worker.reload_succeeded("fe"))
    assert shown(web)["segue_config_last_reload_successful",] == 1
    assert shown(web)["segue_config_hash",] == 0xFE


def test_a_gauge_that_was_cleared_is_shown_by_no_process(processes: Processes) -> None:
    web, worker = processes.start(0), processes.start(1)
    for number, metrics in enumerate((web, worker)):
        processes.act(number, lambda metrics=metrics: metrics.endpoints([("crm", 1, 1.0, 0)]))  # type: ignore[misc]
    processes.act(0, lambda: web.endpoints([]))
    assert ("segue_outbound_waiting", "crm") not in shown(web)


def test_a_day_that_is_no_longer_spent_has_no_figure_until_hubspot_gives_one(processes: Processes) -> None:
    web, worker = processes.start(0), processes.start(1)
    left = ("segue_hubspot_rate_remaining", "daily", "main")
    processes.act(0, lambda: web.spent_days({"main"}))
    assert shown(worker)[left] == 0
    processes.act(0, lambda: web.spent_days(frozenset()))
    assert left not in shown(worker)
    processes.act(0, lambda: web.spent_days({"main"}))
    processes.act(1, lambda: worker.rate_remaining("main", "daily", 250_000))
    processes.act(0, lambda: web.spent_days(frozenset()))
    assert shown(web)[left] == 250_000


def test_without_room_a_process_shows_what_it_counts_itself(processes: Processes) -> None:
    web = processes.start(0)
    processes.slots[0].numbers._size = 0
    processes.act(0, lambda: web.parked("no_outcome"))
    assert shown(web)["segue_parked_total", "no_outcome"] == 1


def test_a_key_keeps_its_place_and_one_without_room_has_none() -> None:
    numbers = Numbers(96)
    first = numbers.place(b"first")
    assert first is not None
    numbers.values[first] = 2.5
    assert numbers.place(b"second") not in {None, first}
    assert numbers.place(b"third, which is too long for what is left") is None
    assert numbers.place(b"first") == first
    assert numbers.values[numbers.places()[b"first"]] == 2.5
    assert set(numbers.places()) == {b"first", b"second"}


def test_a_text_that_is_being_replaced_is_read_as_it_was() -> None:
    text = SharedText(64)
    assert text.read() == b""
    text.write(b"one")
    assert text.read() == b"one"
    text._memory[8:11] = b"two"  # the head follows
    assert text.read() == b"one"
    text.write(b"x" * 64)
    text.write(b"three")
    assert text.read() == b"three"


def test_unknown_paths_of_all_processes_are_listed_once_with_all_their_requests(processes: Processes) -> None:
    def started(number: int) -> UnknownPaths:
        shared = Shared(processes.slots[number], processes.slots)
        return UnknownPaths(secrets=tuple, counted=lambda: None, shared=shared)

    first, second = started(0), started(1)
    for paths, path in ((first, "/webhooks/a"), (second, "/webhooks/b"), (second, "/webhooks/a")):
        paths.note("POST", path)
    started(1).note("POST", "/webhooks/b")  # takes the place of the second
    assert [(one.path, one.count) for one in first.latest()] == [("/webhooks/b", 2), ("/webhooks/a", 2)]


def test_what_a_killed_process_had_begun_to_write_is_no_part_of_a_later_number() -> None:
    numbers = Numbers(1024)
    killed = b"x" * 64
    numbers._memory[16 : 16 + len(killed)] = killed  # a key whose end the process did not see
    place = numbers.place(b"key")
    assert place is not None
    assert list(numbers.values[place : place + 2]) == [0, 0]
