"""What the pages of parked enrollments are narrowed to, as it stands in their URLs. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from app.bulk.filters import LONGEST, Filter
from app.bulk.groups import By, of_day
from app.console.lists import Listed
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from datetime import datetime

# The first of these that is named is what a group has in common.
FIELDS = (("reason", By.CAUSE), ("rule", By.RULE), ("sender", By.SENDER), ("day", By.DAY))
LACKED = {"reason": "not recorded", "sender": "none"}  # what stands on a page in the place of a value
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)


class Narrowed(BaseModel, extra="forbid"):
    """A group: what all of it have in common. A day is one in UTC; `lacks` is what none of it has, of LACKED."""

    reason: str | None = Field(None, max_length=LONGEST, pattern=STORABLE)
    rule: str | None = Field(None, max_length=LONGEST, pattern=STORABLE)
    sender: str | None = Field(None, max_length=LONGEST, pattern=STORABLE)
    day: date | None = Field(None, ge=FIRST_DAY, le=LAST_DAY)
    lacks: str | None = Field(None, pattern="^(reason|sender|reason,sender)$")

    def named(self) -> dict[str, str]:
        """Return what is named, as it stands in a URL."""
        names = (*(name for name, _ in FIELDS), "lacks")
        return {name: str(value) for name in names if (value := getattr(self, name)) is not None}

    def lacking(self) -> tuple[str, ...]:
        """Return the names of what none of the group has."""
        return tuple(self.lacks.split(",")) if self.lacks else ()

    def shown(self) -> tuple[tuple[str, str], ...]:
        """Return what is named, as it stands on a page."""
        given = {**self.named(), **{name: LACKED[name] for name in self.lacking()}}
        return tuple((name, given[name]) for name, _ in FIELDS if name in given)

    def columns(self) -> dict[str, str | None]:
        """Return the values that columns of the enrollments have."""
        given = {name: value for name, value in self.named().items() if name not in {"day", "lacks"}}
        return {**given, **dict.fromkeys(self.lacking())}

    def by_named(self) -> By | None:
        """Return by what the group is one, None where nothing is named."""
        return next((by for name, by in FIELDS if name in dict(self.shown())), None)

    def changed(self) -> tuple[datetime, datetime] | None:
        """Return between when the group was parked, None for any time."""
        day = of_day(self.day) if self.day else Filter()
        return (day.since, day.until) if day.since and day.until else None

    def filter(self) -> Filter:
        """Return the filter of a job on the group."""
        since, until = self.changed() or (None, None)
        found = Filter(reason=self.reason, rule=self.rule, sender=self.sender, since=since, until=until)
        return replace(found, lacks=self.lacking())


class Asked(Listed, Narrowed):
    """What the page shows: groups `by` something, or one group and a page of its enrollments."""

    by: By = By.CAUSE
