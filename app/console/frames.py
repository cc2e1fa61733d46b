"""What stands around a page: the rail, the times that it is read at, and how it refreshes itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from app.console.page import ROOT
from app.console.rendering import Frame, Link

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from app.console.page import Pages, Place, Visit
    from app.operators import Role

STILL = "still"  # the parameter of a page that does not refresh itself
GROUPS = ("", "In bulk", "Set up", "Keep")
PARKED = f"{ROOT}/parked"


@dataclass(frozen=True, slots=True)
class Placed:
    """A page with its place in the rail, and the role that may open it."""

    place: Place
    url: str
    role: Role


@dataclass(frozen=True, slots=True)
class Rail:
    """What the rail shows of the store: how many are parked (counted up to a cap), since when the rules are in force.

    `zone` is the time zone of sessions that have chosen none: that of the first HubSpot account, else UTC.
    """

    parked: int
    in_force_since: datetime | None
    zone: str


def placed(modules: Iterable[Pages]) -> tuple[Placed, ...]:
    """Return the pages that the rail links to: the first page of each module that has a place."""
    found = [Placed(module.place, module.shown[0].path, module.shown[0].role) for module in modules if module.place]
    return tuple(sorted(found, key=lambda one: (GROUPS.index(one.place.group), one.place.order)))


def frame(places: Sequence[Placed], rail: Rail, visit: Visit, revision: str | None, message: str | None) -> Frame:
    """Return what stands around a page."""
    groups = tuple((group, _links(places, group, rail, visit)) for group in GROUPS)
    return Frame(
        visit.visitor,
        tuple((group, links) for group, links in groups if links),
        revision,
        rail.in_force_since,
        visit.now,
        visit.zone,
        _url(visit),
        message,
    )


def live(frame: Frame, visit: Visit, seconds: int | None, *, still: bool) -> Frame:
    """Return the frame of a page that refreshes itself every `seconds`, or would if it were not `still`."""
    if seconds is None:
        return frame
    if still:
        return replace(frame, going=_url(visit))
    return replace(frame, refresh=seconds, still=_url(visit, **{STILL: "1"}))


def _links(places: Iterable[Placed], group: str, rail: Rail, visit: Visit) -> tuple[Link, ...]:
    return tuple(
        Link(one.place.word, one.url, _within(visit.path, one.url), rail.parked if one.url == PARKED else None)
        for one in places
        if one.place.group == group and visit.may(one.role)
    )


def _within(path: str, url: str) -> bool:
    return path == url or path.startswith(f"{url}/")


def _url(visit: Visit, **more: str) -> str:
    asked = {**visit.asked, **more}
    return visit.path + (f"?{urlencode(asked)}" if asked else "")
