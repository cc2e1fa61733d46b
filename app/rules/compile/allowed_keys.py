"""Which keys of a rule mean something for what it does. Any other one is a mistake: it would seem to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.model import KEEP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.rules.file.diagnostics import Findings, Place
    from app.rules.file.parse import Part
    from app.rules.file.schema import RuleEntry

DOES = ("enroll", "workflow", "update", "cancel", "unenroll", "ignore")
# What every rule has is left out here: its id, what it listens to, its examples.
SINGLE = frozenset({"owner", "overwrite", "priority", "if_already_enrolled", "dedupe"})
SET, REQUIRE = ("contact", "set"), ("contact", "require")
HEEDED: Mapping[str, frozenset[tuple[str, ...]]] = {
    "enroll": frozenset({SET, REQUIRE, *((key,) for key in SINGLE)}),
    "workflow": frozenset({SET, REQUIRE, ("priority",), ("dedupe",)}),
    "update": frozenset({SET}),
    "cancel": frozenset(),
    "unenroll": frozenset(),
    "ignore": frozenset(),
}


def require_heeded(entry: RuleEntry, part: Part, place: Place, findings: Findings) -> None:
    """Note each key that changes nothing for what the rule does; one that does nothing, or several things, is told."""
    if "on_error" in entry.model_fields_set and entry.when is None:
        findings.note(part, (*place, "on_error"), "`on_error` changes nothing where no `when` is written", key=True)
    if entry.enroll is not None and entry.overwrite and entry.owner == KEEP:
        findings.note(part, (*place, "overwrite"), "`overwrite` changes nothing where `owner` is `keep`", key=True)
    does = [name for name in DOES if getattr(entry, name)]
    if len(does) != 1:
        return
    written: list[tuple[str, ...]] = [(key,) for key in sorted(entry.model_fields_set & SINGLE)]
    written += [("contact", key) for key in sorted(entry.contact.model_fields_set)]
    for path in written:
        if path not in HEEDED[does[0]]:
            told = f"`{'.'.join(path)}` changes nothing where a rule does `{does[0]}`"
            findings.note(part, (*place, *path), told, key=True)
