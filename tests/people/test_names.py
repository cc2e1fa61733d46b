"""A whole name is parted into first and last name, and no part is guessed where a guess would be wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import Event
from app.people.names import name_parts
from app.sources.normalised import with_name_parts


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Cleo Ray", "Cleo", "Ray"),
        ("  Cleo \t Ray ", "Cleo", "Ray"),
        ("Cleo", "Cleo", None),
        ("Ray, Cleo", "Cleo", "Ray"),
        ("van der Berg, Jan", "Jan", "van der Berg"),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("van der Berg", None, "van der Berg"),
        ("Van Morrison", "Van", "Morrison"),
        ("Gabriel García Márquez", "Gabriel", "García Márquez"),
        ("Dr. Cleo Ray", "Cleo", "Ray"),
        ("Frau Dr. Ray", "Ray", None),
        ("Cleo Ray Jr.", "Cleo", "Ray"),
        ("Cleo Ray, PhD", "Cleo", "Ray"),
        ("Ray, Dr. Cleo", "Cleo", "Ray"),
        ("Zoë O'Neill-Smith", "Zoë", "O'Neill-Smith"),
        ("Δήμητρα Παπαδοπούλου", "Δήμητρα", "Παπαδοπούλου"),
    ],
)
def test_the_first_word_is_the_first_name_and_the_rest_is_the_last_name(
    name: str, first: str | None, last: str | None
) -> None:
    assert name_parts(name) == (first, last)


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        " ",
        ",",
        "Ray,",
        ", Cleo",
        "Acme GmbH",
        "Acme, Inc.",
        "Ray & Sons",
        "Sales Team",
        "cleo@corp.example",
        "cleo_ray",
        "user 4711",
        "www.acme.example",
        "Ann Ray, Bob Ray, Cleo Ray",
        "山田 太郎",
        "김민수",
        "x" * 201,
    ],
)
def test_no_part_is_guessed_of_what_may_be_no_person_or_in_another_order(name: str | None) -> None:
    assert name_parts(name) == (None, None)


def test_a_name_that_is_the_companys_is_no_persons() -> None:
    assert name_parts("Ray Brothers", company=" ray  brothers") == (None, None)


def test_a_name_that_was_sent_in_parts_stays_as_it_was_sent() -> None:
    sent = Event("crm", "a", ("1",), name="Cleo Ray", first_name="Cléo")
    assert with_name_parts(sent) is sent
    alone = Event("crm", "a", ("1",), name="Cleo Ray")
    assert (with_name_parts(alone).first_name, with_name_parts(alone).last_name) == ("Cleo", "Ray")
    assert with_name_parts(alone).name == "Cleo Ray"


@given(st.text())
def test_any_text_has_parts_out_of_its_own_words(name: str) -> None:
    first, last = name_parts(name)
    for part in (first, last):
        assert part is None or (
            part.strip() == part and part and set(part.split()) <= set(name.replace(",", " ").split())
        )
