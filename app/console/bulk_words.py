"""What a person is asked before a job on many rows begins: the question, what follows, and the first rows. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.bulk.job import COUNTED
from app.console.page import REASON, ROOT, Confirm, Field, Row
from app.console.receipts.wording import person_named
from app.console.text import capped, counted, moment, number, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.bulk.job import Preview
    from app.console.page import Visit

SHORT = 120  # seconds; how long a longer job takes is said with the time of its end, too
AS_RULES_NOW = Field(
    "as_rules_now",
    "By the rules in force now: decide their events again, and let what follows take their places",
    kind="check",
)


def confirm(preview: Preview, visit: Visit, *, verb: str, what: str, back: str, said: tuple[str, ...]) -> Confirm:
    """Return what is asked: `verb` (`Release`) as a question, after the sentences `said` what holds for every job."""
    sent, grave = _sent(preview), preview.kind == "cancel"
    return Confirm(
        title=f"{verb} {counted(preview.count, what)}?" if preview.count else f"{verb} {what}s?",
        button=f"{verb} all" if preview.is_more else f"{verb} {number(preview.count)}",
        back=back,
        consequences=(*said, sent, takes(preview, visit)) if preview.count else (),
        count=preview.count,
        sample=tuple(enrollment_row(row, visit) for row in preview.first),
        fields=(REASON,) if grave else (AS_RULES_NOW, REASON),
        grave=grave,
        impossible=impossible(preview, visit),
    )


def impossible(preview: Preview, visit: Visit) -> str | None:
    """Return why a person cannot ask for it, None where they can."""
    if not preview.count:
        return "Nothing matches any more: there is nothing to do."
    if preview.most is not None and preview.count > preview.most:
        return (
            f"{capped(preview.count, COUNTED).capitalize()} match, and the role {visit.visitor.role} may ask for "
            f"{number(preview.most)} at once: narrow it, or ask an admin."
        )
    return None


def takes(preview: Preview, visit: Visit) -> str:
    """Return how long a job takes, and when it will be done where that is not at once."""
    if preview.seconds is None:
        return "More match than are counted here: the page of the job says when it will be done."
    if preview.seconds < SHORT:
        return f"That takes about {number(max(1.0, preview.seconds))} s."
    end = moment(visit.now + timedelta(seconds=preview.seconds), visit.now, visit.zone)
    return f"That takes about {span(preview.seconds)}: done at about {end}."


def _sent(preview: Preview) -> str:
    count = preview.may_have_been_sent
    if not count:
        return "None of them was sent to HubSpot before."
    some = f"{counted(count, 'of them', 'of them')} may have been sent to HubSpot before"
    if preview.kind == "cancel":
        return f"{some}: what HubSpot has done is not taken back, and these intents stay taken."
    return f"{some}: HubSpot is read first, and nothing is sent again unless it shows that nothing has changed since."


def enrollment_row(row: Mapping[str, Any], visit: Visit) -> Row:
    """Return an enrollment as a line of a sample."""
    parts = [f"rule {row['rule']}"]
    parts += [f"sender {row['sender']}"] if row["sender"] else []
    parts.append(f"{row['state']} since {moment(row['updated_at'], visit.now, visit.zone)}")
    return Row(person_named(email=row["email"]), f"{ROOT}/enrollments/{row['id']}", ", ".join(parts))
