"""What the client asks before every request: may it leave now? `rate_limit_store` keeps the answer."""

from __future__ import annotations

from typing import Protocol


class Permit(Protocol):
    """Leave to send one request now."""

    def spent(self) -> bool:
        """Tell whether the grant is older than 500 ms, by a clock that counts suspension: then it is void."""

    def use(self) -> None:
        """Note that the request leaves now."""


class RateLimit(Protocol):
    """The pace of one account's requests."""

    async def acquire(self, kind: str = "general", *, again: bool = False) -> Permit:
        """Return when a request of `kind` may be sent. Raises SegueError when none may be for a long time.

        `again`: an earlier grant of this request was spent before it could leave, so that it goes first.
        """

    def believe(self, maximum: int, interval_ms: int) -> None:
        """Take HubSpot's word for the limit: `maximum` requests in any `interval_ms` milliseconds."""

    def throttled(self, code: str, retry_after: float | None) -> None:
        """Note a 429: `code` says which limit, `retry_after` (seconds) is HubSpot's wish where it named one."""
