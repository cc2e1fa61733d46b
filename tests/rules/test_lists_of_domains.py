"""`addresses` in the rules file: operators change the lists that conditions and pools ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import RulebookError
from app.model import Account, Event
from app.rules.file.documents import Document
from app.rules.load import load
from app.rules.match import decide
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from app.rules.rulebook import Rulebook

RULES = """version: 1
sources: {crm: {provider: typeform, secrets: [secret-of-the-crm]}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
rules:
  - {id: bin, source: crm, type: came, when: is_disposable(event.email), ignore: true}
  - {id: free, source: crm, type: came, when: is_free_mail(event.email), ignore: true}
  - {id: role, source: crm, type: came, when: is_role(event.email), ignore: true}
"""


def book(*files: str) -> Rulebook:
    documents = tuple(Document(f"r{number}.yaml", text) for number, text in enumerate(files, start=1))
    return load(documents, environment={}, providers=PROVIDERS, default_account=Account("main", "pat"))


def rule_of(rulebook: Rulebook, email: str | None) -> str | None:
    return decide(Event("crm", "came", ("1",), email=email), rulebook)[0].rule


def test_conditions_ask_for_free_mail_disposable_addresses_and_roles() -> None:
    rulebook = book(RULES)
    people = ("a@gmail.com", "a@mailinator.com", "info@corp.example", "ada@corp.example", None)
    assert [rule_of(rulebook, email) for email in people] == ["free", "bin", "role", None, None]


def test_every_file_may_add_to_the_lists_and_remove_from_them() -> None:
    rulebook = book(
        RULES + "addresses: {free_mail: {add: [Club.example, '@b\u00fccher.example']}}\n",
        "version: 1\naddresses: {free_mail: {remove: [gmail.com]}, disposable: {add: [bin.example]}}\n",
    )
    people = ("a@club.example", "a@b\u00fccher.example", "a@gmail.com", "a@bin.example")
    assert [rule_of(rulebook, email) for email in people] == ["free", "free", None, "bin"]
    assert rule_of(book(RULES), "a@gmail.com") == "free"


@pytest.mark.parametrize("domain", ["gmail", "a@gmail.com", "'*.gmail.com'", "''", "i\u2764.example"])
def test_what_is_no_domain_is_a_mistake_at_its_place(domain: str) -> None:
    with pytest.raises(RulebookError) as error:
        book(RULES + f"addresses: {{free_mail: {{add: [club.example, {domain}]}}}}\n")
    assert [str(mistake) for mistake in error.value.mistakes] == ["r1.yaml:8:45: write a domain, such as corp.example"]
