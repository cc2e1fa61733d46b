"""Which keys of a rule mean something for what it does. Any other one is a mistake: it would seem to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.rules.actions import ACTIONS

if TYPE_CHECKING:
    from app.rules.file.diagnostics import Findings, Place
    from app.rules.file.parse import Part
    from app.rules.file.schema import RuleKeys

# What every rule has is left out here: its id, what it listens to, its examples.
SINGLE = frozenset({"owner", "overwrite", "priority", "if_already_enrolled", "dedupe"})


def require_allowed(entry: RuleKeys, part: Part, place: Place, findings: Findings) -> None:
    """Note each key that changes nothing for what the rule does, where it does one thing."""
    if "on_error" in entry.model_fields_set and entry.when is None:
        findings.note(part, (*place, "on_error"), "`on_error` changes nothing where no `when` is written", key=True)
    does = entry.actions()
    if len(does) != 1:
        return
    written: list[tuple[str, ...]] = [(key,) for key in sorted(entry.model_fields_set & SINGLE)]
    written += [("contact", key) for key in sorted(entry.contact.model_fields_set)]
    for path in written:
        if path not in ACTIONS[does[0]].keys:
            message = f"`{'.'.join(path)}` changes nothing where a rule does `{does[0]}`"
            findings.note(part, (*place, *path), message, key=True)
