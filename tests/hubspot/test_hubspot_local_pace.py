from __future__ import annotations

from app.hubspot.local_rate_limit import REQUESTS, LocalRateLimit


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def wait(self, seconds: float) -> None:
        self.now += seconds


async def test_any_ten_seconds_hold_twenty_requests() -> None:
    time = Time()
    rate_limit = LocalRateLimit(elapsed=time, wait=time.wait)
    sent = []
    for _ in range(3 * REQUESTS):
        await rate_limit.acquire()
        sent.append(time.now)
        time.now += 0.1
    assert sent[: REQUESTS - 1] == sorted(sent[: REQUESTS - 1])
    assert sent[REQUESTS - 1] < 1002
    assert all(later - earlier >= 10 for earlier, later in zip(sent, sent[REQUESTS:], strict=False))


async def test_hubspots_word_slows_it_down_and_never_speeds_it_up() -> None:
    time = Time()
    rate_limit = LocalRateLimit(elapsed=time, wait=time.wait)
    rate_limit.adopt_limit(1000, 1000)
    rate_limit.throttled("RATE_LIMIT_TEN_SECONDLY", None)
    await rate_limit.acquire()
    assert time.now == 1010.0
    rate_limit.throttled("RATE_LIMIT_SECONDLY", 2.0)
    await rate_limit.acquire()
    assert time.now == 1012.0


async def test_a_grant_grows_old() -> None:
    time = Time()
    grant = await LocalRateLimit(elapsed=time, wait=time.wait).acquire()
    assert not grant.spent()
    time.now += 0.6
    assert grant.spent()
