"""A provider that knows an address of the person's own reads it before one that a tool made up."""

from __future__ import annotations

from app.sources.person_fields import first_of, own_address, person_in, with_address

PHONE = "15550100@sms.cal.com"


def test_an_address_that_the_person_wrote_goes_before_one_made_of_the_phone_number() -> None:
    attendee = person_in({"email": PHONE, "name": "Pho Ne"})
    answers = person_in({"email": "pho@corp.example", "name": "P. Ne"})
    person = first_of(attendee, answers)
    assert (person["email"], person["name"]) == ("pho@corp.example", "Pho Ne")
    assert with_address(attendee, "pho@corp.example")["email"] == "pho@corp.example"


def test_a_made_up_address_is_kept_where_there_is_no_other_so_that_the_decision_can_name_its_kind() -> None:
    attendee = person_in({"email": PHONE})
    assert first_of(attendee, person_in({}))["email"] == PHONE
    assert with_address(attendee, "user-7")["email"] == PHONE
    assert own_address(None, PHONE) == PHONE
    assert own_address() is None
