"""Who a contact is, read from what HubSpot shows of it."""

from __future__ import annotations

from app.people.identity import PROPERTIES, Person, person_of


def test_a_contact_that_was_found_by_a_secondary_address_is_its_primary_one_too() -> None:
    shown = {
        "hs_object_id": "501",
        "email": "Prim@Corp.example",
        "hs_additional_emails": "sec@corp.example;third@x.example",
    }
    assert person_of("sec@corp.example", "501", shown) == Person(
        "501", ("501",), ("prim@corp.example", "third@x.example")
    )


def test_a_contact_that_was_merged_has_the_ids_of_before() -> None:
    shown = {"hs_object_id": "900", "email": "a@x.example", "hs_merged_object_ids": "501;502"}
    assert person_of("a@x.example", "501", shown) == Person("900", ("501", "502", "900"))
    shown = {"hs_object_id": "900", "email": "a@x.example", "hs_calculated_merged_vids": "501:1700000000000;503:17"}
    assert person_of("a@x.example", "900", shown).ids == ("501", "503", "900")


def test_the_id_that_was_read_counts_where_no_property_is_shown() -> None:
    assert person_of("a@x.example", "501", dict.fromkeys(PROPERTIES)) == Person("501", ("501",))


def test_an_address_that_is_none_is_left_out() -> None:
    assert (
        person_of("a@x.example", "501", {"email": "a@x.example", "hs_additional_emails": "; nonsense ;"}).others == ()
    )
