"""What the client needs before every request: a permit. `rate_limit_store` counts permits for all replicas."""

from __future__ import annotations

from typing import Protocol


class Permit(Protocol):
    """Permission to send one request now."""

    def spent(self) -> bool:
        """Return whether the permit is older than 500 ms, by a clock that counts suspension: then it is void."""

    def use(self) -> None:
        """Note that the request leaves now."""


class RateLimit(Protocol):
    """The limits on one account's requests."""

    async def acquire(self, kind: str = "general", *, again: bool = False) -> Permit:
        """Return when a request of `kind` may be sent. Raises SegueError when none may be for a long time.

        `again`: an earlier permit of this request expired before the request could leave, so that it goes first.
        """

    def adopt_limit(self, maximum: int, interval_ms: int) -> None:
        """Take the limit that HubSpot reports: `maximum` requests in any `interval_ms` milliseconds."""

    def throttled(self, code: str, retry_after: float | None) -> None:
        """Note a 429: `code` says which limit, `retry_after` (seconds) is HubSpot's wish where it gave one."""
