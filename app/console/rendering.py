"""Pages as HTML, by Jinja2: every value is escaped, and a name that a template misspells is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from markupsafe import Markup, escape
from starlette.responses import Response

from app.audit.once import new_key
from app.console import svg, text
from app.console.page import ROOT
from app.console.static_files import static_files

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from jinja2.runtime import Context
    from starlette.requests import Request

    from app.console.signin.visitor import Visitor

# Unicode's embeddings, overrides and isolates: after one, a page reads in another order than it is written.
TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
CODE = re.compile(r"`([^`]+)`")
TEMPLATES = Path(__file__).parent / "templates"
TIME = Markup('<time datetime="%s" title="%s">%s</time>')  # a page may have a thousand: `%` takes half of `format`


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the rail. `count` is shown beside it, None for none."""

    word: str
    url: str
    current: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a page. `groups` are the rail's links by heading; `message` is shown once.

    `refresh` is after how many seconds the page asks for itself again, None where it does not; `still` and `going` are
    the URLs by which a person stops and starts that.
    """

    visitor: Visitor
    groups: tuple[tuple[str, tuple[Link, ...]], ...]
    revision: str | None
    in_force_since: datetime | None
    now: datetime
    zone: ZoneInfo
    url: str
    message: str | None = None
    refresh: int | None = None
    still: str | None = None
    going: str | None = None


def render(template: str, **values: Any) -> str:
    """Return a template with its values. What strangers wrote turns the order of nothing that stands around it."""
    return environment().get_template(template).render(**values).translate(TURNING)


def render_bare(
    request: Request, template: str, model: object, status: int = 200, visitor: Visitor | None = None
) -> Response:
    """Return a page without a rail: those of signing in, which need no session."""
    del request, visitor
    return Response(render(template, page=model), status, media_type="text/html")


@cache
def environment() -> Environment:
    """Return what renders all templates."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {"root": ROOT, "static": _static, "svg": svg, "icon": "icon.svg"}
    made.filters |= {name: getattr(text, name) for name in ("number", "capped", "size", "span", "masked", "zone_name")}
    made.filters |= {
        "at": _at,
        "exact": _exact,
        "clock": _clock,
        "hour": _hour,
        "day": _day,
        "whole_day": _whole_day,
        "ago": _ago,
        "dated": _dated,
        "coded": coded,
        "timed": _timed,
    }
    made.globals["form_key"] = new_key
    made.globals |= {"percent": text.percent, "counted": text.counted, "exactly": text.exactly}
    return made


def coded(sentence: str) -> Markup:
    """Return a sentence as HTML, in which what stands between backticks is code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(sentence))))  # noqa: S704  # escaped before


def _static(name: str) -> str:
    return f"{ROOT}/static/{static_files()[name].name}"


@pass_context
def _at(context: Context, at: datetime) -> Markup:
    """Return a time as short as it is clear, with the exact one for machines and for a pointer that rests on it."""
    return _time(context, at, text.moment(at, context["now"], context["zone"]))


@pass_context
def _exact(context: Context, at: datetime) -> Markup:
    return _time(context, at, text.exact(at, context["zone"]))


@pass_context
def _clock(context: Context, at: datetime) -> Markup:
    return _time(context, at, text.clock(at, context["zone"]))


@pass_context
def _hour(context: Context, at: datetime) -> Markup:
    return _time(context, at, text.hour(at, context["zone"]))


@pass_context
def _day(context: Context, at: datetime) -> Markup:
    return _time(context, at, text.day(at, context["now"], context["zone"]))


@pass_context
def _whole_day(context: Context, at: datetime) -> str:
    return text.whole_day(at, context["zone"])


@pass_context
def _dated(context: Context, at: datetime) -> str:
    return text.dated(at, context["zone"])


@pass_context
def _timed(context: Context, said: str) -> str:
    """Return a stored sentence with its times as pages write them."""
    return text.with_moments(said, context["now"], context["zone"])


@pass_context
def _ago(context: Context, at: datetime) -> Markup:
    return _time(context, at, text.ago(at, context["now"]))


def _time(context: Context, at: datetime, words: str) -> Markup:
    zone: ZoneInfo = context["zone"]
    title = f"{text.day(at, context['now'], zone)}, {text.exact(at, zone)}, {text.zone_name(zone)}"
    return TIME % (text.iso(at), title, words)
