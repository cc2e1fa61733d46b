"""Which keys of a rule have an effect for its action. Any other key is a mistake: it would do nothing, unnoticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.rules.actions import ACTIONS

if TYPE_CHECKING:
    from app.rules.file.diagnostics import Diagnostics
    from app.rules.file.parse import Part
    from app.rules.file.parsed import Place
    from app.rules.file.rule_entries import RuleKeys

# The keys that every rule has are not in this set: its id, what it listens to, its examples.
SINGLE = frozenset({"owner", "overwrite", "priority", "if_already_enrolled", "dedupe"})


def require_allowed(entry: RuleKeys, part: Part, place: Place, diagnostics: Diagnostics) -> None:
    """Note each key that has no effect for the rule's action, where the rule has exactly one."""
    if "on_error" in entry.model_fields_set and entry.when is None:
        diagnostics.note(part, (*place, "on_error"), "`on_error` changes nothing where no `when` is written", key=True)
    actions = entry.actions()
    if len(actions) != 1:
        return
    written: list[tuple[str, ...]] = [(key,) for key in sorted(entry.model_fields_set & SINGLE)]
    written += [("contact", key) for key in sorted(entry.contact.model_fields_set)]
    for path in written:
        if path not in ACTIONS[actions[0]].keys:
            message = f"`{'.'.join(path)}` changes nothing where a rule does `{actions[0]}`"
            diagnostics.note(part, (*place, *path), message, key=True)
