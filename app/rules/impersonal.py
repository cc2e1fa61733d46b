"""Texts of a person replaced by others of the same kind; what a rule compares with stays. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.people.addresses import normalise
from app.people.made_up import made_up
from app.people.roles import is_role

if TYPE_CHECKING:
    from app.people.domain_lists import DomainLists

LOCAL, DOMAIN = "ada", "corp.example"
NAMES = {"first_name": "Ada", "last_name": "Example", "name": "Ada Example", "company": "Corp"}
URL = "https://corp.example/"
PHONE = "+1 202 555 0100"
FILL = "example text "
SHORTEST_COMPARED = 2  # one character stands in almost every text
_NUMBER = re.compile(r"[-+]?\d{1,6}([.,]\d{1,6})?")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_PHONE = re.compile(r"\+?[\d\s()/.-]{7,}")


@dataclass(frozen=True, slots=True)
class Replacer:
    """Replaces texts. `compared` are the literals of the rules, `lists` those by which the rules judge domains."""

    compared: tuple[str, ...]
    lists: DomainLists

    def value(self, value: Any) -> Any:
        """Return a JSON value with its texts replaced; numbers, truths and names of members stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.value(item) for name, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list | tuple) else value

    def text(self, text: str) -> str:
        """Return another text of the same kind: an address, a URL, a number, or as many characters."""
        if (kept := self._compared(text)) is not None:
            return kept
        if "@" in text and normalise(text):
            return self.address(text)
        if not text.strip() or _NUMBER.fullmatch(text) or _TIME.fullmatch(text):
            return text
        if _URL.fullmatch(text):
            return URL
        return PHONE if _PHONE.fullmatch(text) else (FILL * (len(text) // len(FILL) + 1))[: len(text)].strip()

    def named(self, field: str, text: str) -> str:
        """Return another name for a field of names."""
        kept = self._compared(text)
        return NAMES[field] if kept is None else kept

    def address(self, address: str) -> str:
        """Return another address: a role stays a role, free mail free mail, and what is made up or compared stays."""
        normal = normalise(address)
        if normal is None:
            return "not an address"
        if any(literal.casefold() == normal for literal in self.compared):
            return normal  # it stands in the rules
        local, _, host = normal.rpartition("@")
        return f"{self._local(normal, local)}@{self._host(normal, host)}"

    def _local(self, normal: str, local: str) -> str:
        if is_role(normal):
            return local.partition("+")[0]
        return self._compared(local) or LOCAL

    def _host(self, normal: str, host: str) -> str:
        listed = self.lists.is_free_mail(normal) or self.lists.is_disposable(normal) or made_up(normal) is not None
        if listed:
            return host
        literal = self._within(host, *(one.lstrip("@") for one in self.compared if one.startswith("@")))
        if literal is None:
            return DOMAIN
        return f"corp{literal}" if literal.startswith(".") and host.endswith(literal) else host

    def _compared(self, text: str) -> str | None:
        """Return the text where a rule compares with it, or the part of it that a rule looks for; else None."""
        folded = text.strip().casefold()
        if any(literal.casefold() == folded for literal in self.compared):
            return text
        literal = self._within(text)
        if literal is None:
            return None
        start = text.casefold().find(literal.casefold())
        return text[start : start + len(literal)]

    def _within(self, text: str, *more: str) -> str | None:
        """Return the longest literal that stands within a text; `more` are looked for, too."""
        folded = text.casefold()
        found = [one for one in (*self.compared, *more) if len(one) >= SHORTEST_COMPARED and one.casefold() in folded]
        return max(found, key=len, default=None)
