"""Parts a person's whole name into a first and a last name, and returns nothing where a guess would be wrong. Pure.

The first word is the first name and all that follows is the last name, with its particles: Ludwig | van Beethoven,
Gabriel | García Márquez. One word is a first name. A comma turns the order around: Ray, Cleo.
"""

from __future__ import annotations

import re
from typing import NamedTuple

WORD = re.compile(r"\w+")
TITLES = frozenset(WORD.findall("dr fr frau herr hr ing m mag miss mme mr mrs ms mx prof sir"))
SUFFIXES = frozenset(WORD.findall("cpa dds dr esq ii iii iv jr mba md msc phd sr"))
# A name that begins with one of these, in small letters, has no first name: "van der Berg".
PARTICLES = frozenset(WORD.findall("al da de del della den der di do dos du el la le ten ter van vom von zu zum zur"))
COMPANY_WORDS = frozenset(
    WORD.findall("""
    ab ag agency as associates bv club co company consulting corp corporation department dept foundation gmbh group
    holding holdings inc incorporated institute kg llc llp ltd limited nv office oy plc pty sarl sas school services
    solutions spa srl studio support systems team technologies ug university
    """)
)
NOT_A_PERSON = re.compile(r"[@&/\\|<>=+_0-9]|https?:|www\.", re.IGNORECASE)
# Chinese, Japanese and Korean names put the family name first and often have no space.
FAMILY_FIRST = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
LONGEST_NAME = 200


class NameParts(NamedTuple):
    """A first and a last name; None where the whole name does not have it."""

    first: str | None = None
    last: str | None = None


def name_parts(name: str | None, *, company: str | None = None) -> NameParts:
    """Return the parts of a whole name: none of a company, an address, or a name whose order is unknown."""
    words = (name or "").split()
    plain = " ".join(words)
    if not words or len(plain) > LONGEST_NAME or _is_no_person(plain, company):
        return NameParts()
    before, comma, after = (part.strip() for part in plain.partition(","))
    if comma and not _only(SUFFIXES, after):
        return _turned_around(before, after)
    return _in_order(_without_titles(before.split()))


def _turned_around(last: str, first: str) -> NameParts:
    """Return the parts of "Ray, Cleo"; a second comma is a list of names or of letters after a name, and no guess."""
    words = _without_titles(first.split())
    return NameParts() if "," in first or not words or not last else NameParts(" ".join(words), last)


def _in_order(words: list[str]) -> NameParts:
    if not words:
        return NameParts()
    if len(words) > 1 and words[0] in PARTICLES:
        return NameParts(None, " ".join(words))
    return NameParts(words[0], " ".join(words[1:]) or None)


def _without_titles(words: list[str]) -> list[str]:
    """Return the words without the titles before and the suffixes after a name. A lone word is a name."""
    while len(words) > 1 and _only(TITLES, words[0]):
        words = words[1:]
    while len(words) > 1 and _only(SUFFIXES, words[-1]):
        words = words[:-1]
    return words


def _is_no_person(plain: str, company: str | None) -> bool:
    words = {_bare(word) for word in plain.split()}
    same = company is not None and plain.casefold() == " ".join(company.split()).casefold()
    return same or bool(words & COMPANY_WORDS or NOT_A_PERSON.search(plain) or FAMILY_FIRST.search(plain))


def _only(known: frozenset[str], text: str) -> bool:
    return bool(text.strip()) and {_bare(word) for word in text.split()} <= known


def _bare(word: str) -> str:
    return word.casefold().replace(".", "").strip(",'\"()")
