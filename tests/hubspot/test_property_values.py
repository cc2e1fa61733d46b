"""Values fitted to definitions: what is written, HubSpot takes; what does not fit has a reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.hubspot.api.properties import PropertyDefinition, contact_properties
from app.hubspot.api.replies import Reply
from app.hubspot.property_values import Misfit, fit, fit_all
from app.sandbox.routes import properties as sandbox
from app.sandbox.state.contact_properties import ContactProperty

if TYPE_CHECKING:
    from app.model import PropertyValue

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
TOPICS = PropertyDefinition(
    "topics", "enumeration", ("bees", "honey", "A b"), labels=(("Bees & wasps", "bees"),), several=True
)
TIER = PropertyDefinition("tier", "enumeration", ("gold", "silver"), labels=(("Top tier", "gold"),))
AGREED = PropertyDefinition("agreed", "enumeration", ("y", "n"), labels=(("Yes", "y"), ("No", "n")))
TEXT = PropertyDefinition("city", "string")
NUMBER = PropertyDefinition("employees", "number")
DAY = PropertyDefinition("since", "date")
INSTANT = PropertyDefinition("seen_at", "datetime")
TRUTH = PropertyDefinition("vip", "bool", ("true", "false"), labels=(("Ja", "true"), ("Nein", "false")))


@pytest.mark.parametrize(
    ("definition", "value", "fitted"),
    [
        (TOPICS, ["honey", "bees", "honey"], "honey;bees"),
        (TOPICS, ["Bees & wasps", " HONEY ", ""], "bees;honey"),
        (TOPICS, "bees;Honey", "bees;honey"),
        (TOPICS, ";bees", ";bees"),
        (TOPICS, "a B", "A b"),
        (TOPICS, [], ""),
        (TIER, "Top tier", "gold"),
        (TIER, "SILVER", "silver"),
        (TIER, ["silver"], "silver"),
        (AGREED, "true", "y"),
        (AGREED, "no", "n"),
        (TEXT, "  Ulm\x00 ", "Ulm"),
        (TEXT, "50", "50"),
        (NUMBER, "+50", "50"),
        (NUMBER, "-4.5", "-4.5"),
        (DAY, "2026-11-28", "2026-11-28"),
        (DAY, "2026-11-28T23:30:00+00:00", "2026-11-29"),
        (DAY, "2026-11-28T00:00:00.000Z", "2026-11-28"),
        (DAY, "2026-11-28T23:30:00", "2026-11-28"),
        (DAY, "1795908600000", "2026-11-29"),
        (INSTANT, "2026-11-28T11:00:00+01:00", "2026-11-28T10:00:00.000Z"),
        (INSTANT, "1795860000001", "2026-11-28T10:00:00.001Z"),
        (TRUTH, "Yes", "true"),
        (TRUTH, "nein", "false"),
        (TRUTH, "TRUE", "true"),
        (PropertyDefinition("owner", "enumeration", None), "90211", "90211"),
        (PropertyDefinition("strange", None), "x", "x"),
        (None, ["a", "b"], "a;b"),
        (None, " x ", "x"),
    ],
)
def test_a_value_is_written_as_its_property_takes_it(
    definition: PropertyDefinition | None, value: PropertyValue, fitted: str
) -> None:
    assert fit(value, definition, BERLIN) == fitted


def test_an_instant_has_its_day_by_the_accounts_clock() -> None:
    assert fit("2026-11-28T02:00:00Z", DAY, NEW_YORK) == "2026-11-27"


@pytest.mark.parametrize(
    ("definition", "value", "misfit"),
    [
        (TEXT, ["a", "b"], Misfit("a list into single-line text")),
        (TIER, ["gold", "silver"], Misfit("a list into a property of one option")),
        (NUMBER, "about 50", Misfit("'about 50' into a number")),
        (NUMBER, "true", Misfit("'true' into a number")),
        (DAY, "next week", Misfit("'next week' into a date")),
        (DAY, "20261128", Misfit("'20261128' into a date")),
        (DAY, "2026-02-30", Misfit("'2026-02-30' into a date")),
        (INSTANT, "2026-11-28", Misfit("'2026-11-28' into a date and time")),
        (TRUTH, "maybe", Misfit("'maybe' into a property of yes and no")),
        (TIER, "bronze", Misfit("'bronze' is none of its options", "INVALID_OPTION")),
        (TOPICS, ["bees", "ants"], Misfit("'ants' is none of its options", "INVALID_OPTION")),
        (NUMBER, "ada@corp.example", Misfit("'[address]' into a number")),
        (
            PropertyDefinition("x", "string", read_only=True),
            "a",
            Misfit("the property is read-only", "READ_ONLY_VALUE"),
        ),
    ],
)
def test_a_value_that_does_not_fit_says_why(
    definition: PropertyDefinition, value: PropertyValue, misfit: Misfit
) -> None:
    assert fit(value, definition, BERLIN) == misfit


def test_names_are_matched_in_lower_case_and_what_is_not_listed_is_told() -> None:
    definitions = {one.name: one for one in (TIER, NUMBER, TEXT)}
    values = {"Tier": "gold", "sensitive": "x", "employees": "many", "city": " "}
    fitted = fit_all(values, definitions, BERLIN)
    assert fitted.written == {"Tier": "gold", "sensitive": "x"}
    assert list(fitted.misfits) == ["employees"]
    assert fitted.unlisted == ("sensitive",)


def definition_of(property_: ContactProperty) -> PropertyDefinition:
    """Return the definition as the sandbox shows it and Segue reads it."""
    body = json.dumps({"results": [sandbox.definition(property_)]}).encode()
    return contact_properties().parse(Reply(200, {}, body))[0]


WORDS = st.text(st.characters(codec="utf-8", exclude_characters=";"), max_size=8).map(str.strip).filter(bool)
KINDS = get_args(ContactProperty.model_fields["type"].annotation)
PROPERTIES = st.builds(
    ContactProperty,
    name=st.just("x"),
    type=st.sampled_from(KINDS),
    options=st.lists(st.sampled_from(["yes", "No", "a", "A", "b c"]) | WORDS, max_size=4, unique=True).map(tuple),
    several=st.booleans(),
)
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.sampled_from(["yes", "true", "No", "a;b", ";A", "b C", "nan", "1e5", "0x1", "\u0661"]),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes(timezones=st.just(BERLIN) | st.just(NEW_YORK) | st.none()).map(lambda at: at.isoformat()),
    st.dates().map(lambda day: day.isoformat()),
)
ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, st.lists, max_leaves=5)


@given(PROPERTIES, TEXTS | st.lists(TEXTS, max_size=4), st.sampled_from([BERLIN, NEW_YORK]))
def test_what_is_written_is_taken_by_the_sandbox_and_fits_again(
    property_: ContactProperty, value: PropertyValue, zone: ZoneInfo
) -> None:
    definition = definition_of(property_)
    fitted = fit(value, definition, zone)
    if not isinstance(fitted, Misfit):
        assert property_.problem(fitted) is None
        assert fit(fitted, definition, zone) == fitted


@given(st.none() | PROPERTIES.map(definition_of), st.lists(ANYTHING) | TEXTS)
def test_it_never_raises(definition: PropertyDefinition | None, value: Any) -> None:
    assert isinstance(fit(value, definition, BERLIN), str | Misfit)
