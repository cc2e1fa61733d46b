"""What an address says of itself: free mail, a disposable one, a role."""

from __future__ import annotations

import pytest

from app.people.addresses import FREE_MAIL
from app.people.domain_lists import AS_PACKAGED, DomainLists
from app.people.roles import is_role


@pytest.mark.parametrize("host", [*sorted(FREE_MAIL), "rediffmail.com", "seznam.cz"])
def test_free_mail_is_what_we_and_the_package_list(host: str) -> None:
    assert AS_PACKAGED.is_free_mail(f"Cy@{host.upper()}")


@pytest.mark.parametrize("address", [None, "", "nobody", "cy@corp.example", "cy@mail.corp.example", "gmail.com"])
def test_other_addresses_are_no_free_mail(address: str | None) -> None:
    assert not AS_PACKAGED.is_free_mail(address)


@pytest.mark.parametrize("address", ["x@mailinator.com", "x@box7.mailinator.com"])
def test_an_address_is_disposable_at_a_listed_domain_and_below_it(address: str) -> None:
    assert AS_PACKAGED.is_disposable(address)


@pytest.mark.parametrize("address", ["x@mailinator.com.example", "x@gmail.com", "x@corp.example", "com", None])
def test_other_addresses_are_not_disposable(address: str | None) -> None:
    assert not AS_PACKAGED.is_disposable(address)


def test_an_operator_adds_to_the_lists_and_removes_from_them() -> None:
    lists = DomainLists(
        free_mail=frozenset({"club.example"}),
        not_free_mail=frozenset({"gmail.com"}),
        disposable=frozenset({"bin.example"}),
        not_disposable=frozenset({"ours.bin.example", "mailinator.com"}),
    )
    assert [lists.is_free_mail(f"x@{host}") for host in ("club.example", "gmail.com", "gmx.de")] == [True, False, True]
    hosts = ("bin.example", "a.bin.example", "ours.bin.example", "a.ours.bin.example", "a.mailinator.com")
    assert [lists.is_disposable(f"x@{host}") for host in hosts] == [True, True, False, False, False]


@pytest.mark.parametrize(
    "local", ["info", "Sales", "no-reply", "NO_REPLY", "no.reply", "abuse+7", "mailer-daemon", "hr"]
)
def test_an_address_of_a_role_is_known_by_its_name(local: str) -> None:
    assert is_role(f"{local}@corp.example")


@pytest.mark.parametrize("address", ["ada@corp.example", "infosys@corp.example", "ada+info@corp.example", "info", None])
def test_an_address_of_a_person_is_no_role(address: str | None) -> None:
    assert not is_role(address)
