"""Plots as SVG, made here: no script draws them, they print, and their colours follow the page's scheme.

Attributes alone give sizes: the policy of the pages allows no style in the markup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH, HEIGHT, TOP = 480, 88, 6
BASE = HEIGHT - 2
HEAD = Markup('<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">')
COLUMN = Markup('<rect class="{}-fill" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>')


def bar(part: float, whole: float, label: str, fill: str = "ok", *, height: int = 10) -> Markup:
    """Return one bar: how much of `whole` is `part`. `fill` is a state: ok, wait, look, bad or plain."""
    width = 100 * min(1.0, part / whole) if whole else 0
    rect = Markup('<rect class="{}-fill" width="{:.2f}" height="{}"/>').format(fill, width, height)
    return _svg("bar", 100, height, label, [rect])


def share(part: float, whole: float, label: str, fill: str = "ok") -> Markup:
    """Return a bar on a line that stands for the whole: a step of the funnel."""
    width = 100 * min(1.0, part / whole) if whole else 0
    rects = [
        Markup('<rect class="plain-fill" y="7" width="100" height="2"/>'),
        Markup('<rect class="{}-fill" y="2" width="{:.2f}" height="12"/>').format(fill, width),
    ]
    return _svg("bar", 100, 16, label, rects)


def columns(values: Sequence[tuple[str, float]], label: str, fill: str = "ok") -> Markup:
    """Return a column for each value, the highest as high as the plot. Each has its words as its title."""
    most = max((value for _, value in values), default=0)
    step = WIDTH / max(1, len(values))
    gap = 2 if step > 5 else 0  # noqa: PLR2004  # many narrow columns would be mostly gaps
    parts = [Markup('<line class="base" x1="0" x2="{}" y1="{}" y2="{}"/>').format(WIDTH, BASE + 0.5, BASE + 0.5)]
    for place, (words, value) in enumerate(values):
        if most and value > 0:
            height = max(1.5, (BASE - TOP) * value / most)
            x = place * step + gap / 2
            parts.append(COLUMN.format(fill, x, BASE - height, step - gap, height, words))
    return _svg("plot", WIDTH, HEIGHT, label, parts)


def _svg(kind: str, width: int, height: int, label: str, parts: Iterable[Markup]) -> Markup:
    return HEAD.format(kind, width, height, label) + Markup("").join(parts) + Markup("</svg>")
