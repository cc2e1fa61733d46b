"""A header that is sent more than once reaches providers as one value, whatever the number of its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from app.sources.forms import urlencoded
from app.web.requests import headers_of

if TYPE_CHECKING:
    from collections.abc import Iterable

lines = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"x-c"]), st.binary(max_size=5)), max_size=30)


def one_by_one(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Join each line to those before it: what the result must be, at a cost that grows with their square."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


@given(lines)
def test_repeats_are_joined_in_their_order_and_names_stay_in_theirs(pairs: list[tuple[bytes, bytes]]) -> None:
    assert list(headers_of(pairs).items()) == list(one_by_one(pairs).items())


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "1", "2"])), min_size=1, max_size=30))
def test_a_form_has_lists_of_what_comes_more_than_once(pairs: list[tuple[str, str]]) -> None:
    found = urlencoded("&".join(f"{name}={value}" for name, value in pairs).encode())
    for name in {name for name, _ in pairs}:
        values = [value for other, value in pairs if other == name]
        assert found[name] == (values if len(values) > 1 else values[0])
    assert list(found) == list(dict(pairs))
