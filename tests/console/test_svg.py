"""Plots are well-formed, and take any words."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from app.console import svg

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
FIGURES = st.floats(0, 1e12, allow_nan=False)


@given(st.lists(st.tuples(WORDS, FIGURES), max_size=60), WORDS)
def test_columns_are_xml_within_their_box(values: list[tuple[str, float]], label: str) -> None:
    drawn = ET.fromstring(str(svg.columns(values, label)))  # noqa: S314  # our own text
    assert drawn.get("aria-label") == label
    for rect in drawn.findall("rect"):
        assert float(rect.get("y", "-1")) >= 0
        assert float(rect.get("x", "-1")) + float(rect.get("width", "0")) <= svg.WIDTH + 0.2


@given(FIGURES, FIGURES)
def test_a_bar_is_never_longer_than_the_whole(part: float, whole: float) -> None:
    for drawn in (svg.bar(part, whole, "x"), svg.share(part, whole, "x")):
        widths = [float(rect.get("width", "0")) for rect in ET.fromstring(str(drawn)).findall("rect")]  # noqa: S314  # our own text
        assert all(0 <= width <= 100 for width in widths)
