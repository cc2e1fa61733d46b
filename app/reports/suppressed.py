"""Whether an address is suppressed: by the rules, by the operators' list, or because its person was forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.people.eligibility_store import FORGOTTEN
from app.people.suppression import forms_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.people.suppression import Suppression
    from app.rules.rulebook import Rulebook

BY_RULES, BY_LIST, BY_FORGETTING = "rules", "list", "forgotten"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One reason why an address is never enrolled. `kind` and `value` are of an entry; null where it was forgotten."""

    by: str
    kind: str | None = None
    value: str | None = None


def suppressed(email: str, book: Rulebook | None, listed: Iterable[Suppression]) -> list[Suppressed]:
    """Return why an address in its normal form is never enrolled; `listed` are the entries of the list that match.

    As a worker does, it holds the rules' entries against every form in which the address may be written.
    """
    forms = forms_of(email)
    entries = book.suppress if book is not None else ()
    in_rules = [entry for entry in entries if any(entry.matches(form) for form in forms)]
    return [*(Suppressed(BY_RULES, str(one.kind), one.value) for one in in_rules), *(_listed(one) for one in listed)]


def _listed(entry: Suppression) -> Suppressed:
    return Suppressed(BY_FORGETTING) if entry == FORGOTTEN else Suppressed(BY_LIST, str(entry.kind), entry.value)
