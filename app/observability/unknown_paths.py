"""Paths of webhooks that were asked for and do not exist: a few senders disable a webhook after one 404."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from app.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

KEPT = 20
LONGEST = 100  # characters of one part of a path
PARTS = 2

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UnknownPath:
    """One path, how often it was asked for since `first_at`, and when last."""

    method: str
    path: str
    count: int
    first_at: datetime
    last_at: datetime


class UnknownPaths:
    """The last 20 unknown paths of this process, in memory. `secrets` are values that no shown path may hold."""

    def __init__(self, *, secrets: Callable[[], Collection[str]], counted: Callable[[], None]) -> None:
        self._secrets = secrets
        self._counted = counted
        self._paths: OrderedDict[tuple[str, str], UnknownPath] = OrderedDict()

    def note(self, method: str, path: str) -> None:
        """Log and count a request, and keep its path as the latest one."""
        now, shown = utc_now(), shown_path(path, self._secrets())
        known = self._paths.pop((method, shown), None) or UnknownPath(method, shown, 0, now, now)
        self._paths[method, shown] = noted = replace(known, count=known.count + 1, last_at=now)
        while len(self._paths) > KEPT:
            self._paths.popitem(last=False)
        self._counted()
        log.warning("request.unknown_path", method=method, path=shown, count=noted.count)

    def latest(self) -> Sequence[UnknownPath]:
        """Return the paths, the latest first."""
        return tuple(reversed(self._paths.values()))


def shown_path(path: str, secrets: Collection[str]) -> str:
    """Return a path as it may be logged: its first two parts, cut, without the secrets of sources.

    What stands behind a source's name is a secret where the sender can send none elsewhere.
    """
    first, *others = parts = [part for part in path.split("/") if part] or [""]
    kept = ["[secret]" if part in secrets else part[:LONGEST] for part in [first, *others[: PARTS - 1]]]
    slashes = path[: len(path) - len(path.lstrip("/"))]
    return slashes[:LONGEST] + "/".join(kept) + ("/..." if len(parts) > PARTS else "")
