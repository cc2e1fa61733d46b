from __future__ import annotations

import pytest

from app.enrichment.portals import account_of
from app.errors import LookupFailed, LookupNotFound

BOTH = {"emea": "111", "apac": "222"}


@pytest.mark.parametrize(
    ("portal", "candidates", "known", "account"),
    [
        ("222", ["emea", "apac"], BOTH, "apac"),
        ("222", ["emea", "apac"], {"apac": "222"}, "apac"),
        ("111", ["emea"], BOTH, "emea"),
        ("111", ["emea", "again"], BOTH | {"again": "111"}, "emea"),
        # What is not known is believed, where there is but one that it can be.
        ("111", ["emea"], {}, "emea"),
        ("222", ["emea"], {"apac": "222"}, "emea"),
        ("", ["emea"], BOTH, "emea"),
    ],
)
def test_an_event_is_of_the_account_with_the_portal_that_it_names(
    portal: str, candidates: list[str], known: dict[str, str], account: str
) -> None:
    assert account_of(portal, candidates, known) == account


@pytest.mark.parametrize(
    ("portal", "candidates", "message"),
    [
        ("222", ["emea"], "the event is of HubSpot account 222, and 'emea' is 111: its ids are other people there"),
        ("333", ["emea", "apac"], "the event is of HubSpot account 333, and 'emea' is 111 and 'apac' is 222: "),
        (
            "",
            ["emea", "apac"],
            "the event names no HubSpot account, and there are several: give its source an `account`",
        ),
    ],
)
def test_of_another_portal_no_account_is_called(portal: str, candidates: list[str], message: str) -> None:
    with pytest.raises(LookupNotFound) as error:
        account_of(portal, candidates, BOTH)
    assert str(error.value).startswith(message)


def test_while_one_of_several_is_not_known_it_may_be_that_one() -> None:
    with pytest.raises(LookupFailed) as error:
        account_of("333", ["emea", "apac", "main"], {"emea": "111"})
    assert error.value.reason == "portal_not_known"
    message = "the event is of HubSpot account 333, and it is not known yet which one 'apac' and 'main' is"
    assert str(error.value) == message
