"""Wrong tokens by client address: what is slowed down, what is not, and that strangers cannot fill the memory."""

from __future__ import annotations

import pytest

from app.observability.shared import PARENT, Slot
from app.web.access.attempts import EVERY_SECONDS, FREE, HOUR, MINUTE, PLACES, Attempts, Budget

STRANGER, OPERATOR = b"guess", b"right"


def after_wrong(address: str, count: int = FREE, now: float = 0.0) -> Attempts:
    attempts = Attempts()
    for _ in range(count):
        assert attempts.wait(address, STRANGER, now) == 0
        attempts.failed(address, now)
    return attempts


def test_the_first_wrong_tokens_of_a_minute_are_compared_at_once() -> None:
    attempts = after_wrong("192.0.2.1")
    assert attempts.wait("192.0.2.1", STRANGER, 0.0) == EVERY_SECONDS


def test_then_one_a_second_is_compared_until_the_minute_has_passed() -> None:
    attempts = after_wrong("192.0.2.1")
    compared = 0
    for tenth in range(10, 10 * int(MINUTE)):
        compared += attempts.wait("192.0.2.1", STRANGER, tenth / 10) == 0
    assert compared <= MINUTE
    assert [attempts.wait("192.0.2.1", STRANGER, MINUTE) for _ in range(3)] == [0, 0, 0]


def test_another_address_and_a_token_that_worked_here_do_not_wait() -> None:
    attempts = Attempts()
    attempts.worked("192.0.2.1", OPERATOR, 0.0)
    for _ in range(100):
        attempts.failed("192.0.2.1", 1.0)
    assert attempts.wait("192.0.2.1", OPERATOR, 1.5) == 0
    assert attempts.wait("192.0.2.1", STRANGER, 1.5) > 0
    assert attempts.wait("192.0.2.2", STRANGER, 1.5) == 0
    for _ in range(100):
        attempts.failed("192.0.2.1", HOUR + 1)
    assert attempts.wait("192.0.2.1", OPERATOR, HOUR + 1.5) > 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("unknown", "unknown", True),
    ],
)
def test_the_addresses_of_one_customer_count_together(one: str, other: str, *, same: bool) -> None:
    assert (after_wrong(one).wait(other, STRANGER, 0.5) > 0) == same


def test_strangers_take_no_place_of_a_token_that_worked() -> None:
    attempts = after_wrong("192.0.2.1")
    attempts.worked("192.0.2.1", OPERATOR, 0.0)
    for number in range(3 * PLACES):
        attempts.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    for _ in range(FREE):
        attempts.failed("192.0.2.1", 0.5)
    assert attempts.wait("192.0.2.1", OPERATOR, 0.6) == 0
    assert attempts.wait("192.0.2.1", STRANGER, 0.6) > 0


def test_the_processes_of_a_service_count_together() -> None:
    shared, apart = Slot(PARENT, PARENT), Slot(PARENT, PARENT)
    one, other, elsewhere = Attempts(shared), Attempts(shared), Attempts(apart)
    for number in range(FREE):
        assert (one, other)[number % 2].wait("192.0.2.1", STRANGER, 0.0) == 0
        (one, other)[number % 2].failed("192.0.2.1", 0.0)
    assert one.wait("192.0.2.1", STRANGER, 1.5) == 0
    assert other.wait("192.0.2.1", STRANGER, 1.5) == EVERY_SECONDS
    one.worked("192.0.2.1", OPERATOR, 1.5)
    assert other.wait("192.0.2.1", OPERATOR, 1.5) == 0
    assert elsewhere.wait("192.0.2.1", STRANGER, 1.5) == 0
    assert one._place(b"192.0.2.1") != elsewhere._place(b"192.0.2.1")


def test_a_budget_is_of_each_kind_and_begins_anew() -> None:
    budget = Budget(2)
    assert [budget.spend(kind, 0.0) for kind in ("a", "a", "a", "b")] == [True, True, False, True]
    assert budget.spend("a", MINUTE)
