"""What was measured, row by row, and which aims were missed: a benchmark that cannot fail holds nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure shall be at least, or at most; `words` is how people read it."""

    words: str
    least: float = float("-inf")
    most: float = float("inf")

    def met_by(self, figure: float) -> bool:
        """Tell whether the figure is good enough."""
        return self.least <= figure <= self.most


class Results:
    """A table of four columns: what, measured, ratio, aim."""

    def __init__(self, title: str) -> None:
        self.missed: list[str] = []
        self._table = Table(title=title, header_style="bold")
        for name in ("what", "measured", "ratio", "aim"):
            self._table.add_column(name)

    def tell(self, what: str, measured: str, ratio: str = "", aim: str = "") -> None:
        """Add a figure that cannot fail: it has no aim, or depends on how fast the machine is."""
        self._table.add_row(what, measured, ratio, aim)

    def judge(self, what: str, figure: float, aim: Aim, *, measured: str = "", ratio: str = "") -> None:
        """Add a figure that must meet its aim."""
        met = aim.met_by(figure)
        if not met:
            self.missed.append(f"{what}: {measured or ratio}, the aim is {aim.words}")
        self._table.add_row(what, measured, ratio, aim.words if met else f"{aim.words}: missed")

    def show(self, console: Console) -> int:
        """Print everything; return the exit code, 1 where an aim was missed."""
        console.print(self._table)
        for missed in self.missed:
            console.print(f"missed: {missed}")
        return 1 if self.missed else 0


def at_most(must: float, aim: float | None = None, *, unit: str = "x") -> Aim:
    """Return what a figure may be at most; where it is better still, the aim, it is printed beside that."""
    return Aim(f"<= {must:g} {unit}".rstrip() + (f", aim {aim:g}" if aim is not None else ""), most=must)


def at_least(must: float, aim: float | None = None) -> Aim:
    """Return the share that a figure must be at least, and the better one that is aimed at."""
    return Aim(f">= {must:.0%}" + (f", aim {aim:.0%}" if aim is not None else ""), least=must)
