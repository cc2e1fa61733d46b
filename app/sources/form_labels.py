"""The Event field that a form's question asks for, recognised from its wording.

Only a wording without other words counts: "What is your company called?" is the company, "How many people work at your
company?" is not. A number at the end does not count: site builders number a field that repeats ("Email-2").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WORD = re.compile(r"[^\W_]+")
NUMBER = re.compile(r"[\s_(-]*[0-9]+[\s)_]*$")
# "s" is the rest of "what's".
FILLERS = frozenset(
    WORD.findall("a an are at called do enter for is of please s the what whats which work works you your"),
)
MEANINGS = {
    frozenset({"email"}): "email",
    frozenset({"e", "mail"}): "email",
    frozenset({"email", "address"}): "email",
    frozenset({"e", "mail", "address"}): "email",
    frozenset({"first", "name"}): "first_name",
    frozenset({"firstname"}): "first_name",
    frozenset({"given", "name"}): "first_name",
    frozenset({"last", "name"}): "last_name",
    frozenset({"lastname"}): "last_name",
    frozenset({"family", "name"}): "last_name",
    frozenset({"surname"}): "last_name",
    frozenset({"name"}): "name",
    frozenset({"full", "name"}): "name",
    frozenset({"fullname"}): "name",
    frozenset({"company"}): "company",
    frozenset({"company", "name"}): "company",
    frozenset({"companyname"}): "company",
    frozenset({"organization"}): "company",
    frozenset({"organization", "name"}): "company",
    frozenset({"organisation"}): "company",
    frozenset({"organisation", "name"}): "company",
}


def meaning(label: str) -> str | None:
    """Return the Event field that a question or key asks for, None where the wording does not fit one."""
    words = frozenset(WORD.findall(NUMBER.sub("", label.lower()))) - FILLERS
    return MEANINGS.get(words)


def by_meaning(labelled: Iterable[tuple[str, str | list[str]]]) -> dict[str, str]:
    """Return (label, answer) pairs as Event field -> answer; the first text for a field counts."""
    found: dict[str, str] = {}
    for label, answer in labelled:
        if isinstance(answer, str) and answer.strip() and (field := meaning(label)):
            found.setdefault(field, answer)
    return found
