"""Paths of webhooks that were asked for and do not exist: a few senders disable a webhook after one 404."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING

import orjson
import structlog

from app.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from app.observability.shared import Shared

KEPT = 20
LONGEST = 100  # characters of one part of a path
PARTS = 2
# What stands for a path's first part where a sender means a webhook, and what `shown_path` writes itself.
PLAIN = frozenset({"", "...", "[secret]", "webhooks", "webhook", "Webhooks", "Webhook", "hooks", "hook"})

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
    """The last 20 unknown paths, in memory: of this process, or of all processes of a service where `shared` is given.

    `secrets` are values that no shown path may hold.
    """

    def __init__(
        self, *, secrets: Callable[[], Collection[str]], counted: Callable[[], None], shared: Shared | None = None
    ) -> None:
        self._secrets = secrets
        self._counted = counted
        self._shared = shared
        own = _parsed(shared.own.unknown_paths.read()) if shared else ()
        self._paths = OrderedDict(((one.method, one.path), one) for one in own)

    def note(self, method: str, path: str) -> None:
        """Log and count a request, and keep its path as the latest one."""
        now, shown = utc_now(), shown_path(path, self._secrets())
        known = self._paths.pop((method, shown), None) or UnknownPath(method, shown, 0, now, now)
        self._paths[method, shown] = noted = replace(known, count=known.count + 1, last_at=now)
        while len(self._paths) > KEPT:
            self._paths.popitem(last=False)
        if self._shared:
            self._shared.own.unknown_paths.write(orjson.dumps(list(self._paths.values())))
        self._counted()
        log.warning("request.unknown_path", method=method, path=logged_path(shown), count=noted.count)

    def latest(self) -> Sequence[UnknownPath]:
        """Return the paths, the latest first."""
        slots = self._shared.slots if self._shared else ()
        paths = [one for slot in slots for one in _parsed(slot.unknown_paths.read())] or self._paths.values()
        return sorted(_added_up(paths), key=attrgetter("last_at"), reverse=True)[:KEPT]


def _parsed(text: bytes) -> Iterator[UnknownPath]:
    for one in orjson.loads(text or b"[]"):
        first_at, last_at = datetime.fromisoformat(one["first_at"]), datetime.fromisoformat(one["last_at"])
        yield UnknownPath(one["method"], one["path"], one["count"], first_at, last_at)


def _added_up(paths: Iterable[UnknownPath]) -> Collection[UnknownPath]:
    """Return each path once, as all processes together were asked for it."""
    found: dict[tuple[str, str], UnknownPath] = {}
    for one in paths:
        other = found.get((one.method, one.path), replace(one, count=0))
        first_at, last_at = min(one.first_at, other.first_at), max(one.last_at, other.last_at)
        found[one.method, one.path] = replace(one, count=one.count + other.count, first_at=first_at, last_at=last_at)
    return found.values()


def shown_path(path: str, secrets: Collection[str]) -> str:
    """Return a path as it may be logged: its first two parts, cut, without the secrets of sources.

    What stands behind a source's name is a secret where the sender can send none elsewhere.
    """
    first, *others = parts = [part for part in path.split("/") if part] or [""]
    kept = ["[secret]" if part in secrets else part[:LONGEST] for part in [first, *others[: PARTS - 1]]]
    slashes = path[: len(path) - len(path.lstrip("/"))]
    return slashes[:LONGEST] + "/".join(kept) + ("/..." if len(parts) > PARTS else "")


def logged_path(shown: str) -> str:
    """Return a shown path as it stands in the log: a name that is unknown may be a secret, and is a digest there."""
    slashes = shown[: len(shown) - len(shown.lstrip("/"))]
    return slashes + "/".join(part if part in PLAIN else _digest(part) for part in shown.lstrip("/").split("/"))


def _digest(part: str) -> str:
    return f"sha256:{hashlib.sha256(part.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
