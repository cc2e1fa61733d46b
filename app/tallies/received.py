"""What each rule received: the events of the types that it names, whether another rule took them before or not. Pure.

A rule is asked about an event only while no rule before it has decided, so that this counts what could have reached it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.rules.rulebook import Rule
    from app.tallies.figures import KindTally


def received_by_rule(kinds: Iterable[KindTally], rules: Iterable[Rule]) -> Mapping[str, int]:
    """Return how many stored events each rule listens to, by the types that it names now."""
    counts = {(one.source, one.type): one.n for one in kinds}
    return {rule.id: sum(counts.get((rule.source, kind), 0) for kind in set(rule.types)) for rule in rules}
