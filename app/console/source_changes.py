"""A sample of a source, sent by an operator: what it would come to, and then for real, by what the API calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from app.console.hidden import hiding
from app.console.page import REASON, ROOT, Confirm, Done, Field, FormError, Pages, Visit, not_there
from app.console.receipts.delivery import rejection
from app.console.receipts.wording import as_sentence
from app.console.rule_targets import target_names
from app.errors import Busy, SampleRefused, StartError
from app.ids import Ids
from app.intake.wiring import sample_sender
from app.masking import masked_text
from app.operators import Role
from app.reports.find_store import FindStore
from app.reports.sources import sample_names
from app.rules.examples import NO_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.console.context import Console
    from app.intake.send_sample import SentSample
    from app.model import SourceConfig
    from app.rules.rulebook import Rulebook

LONGEST_ADDRESS, LONGEST_NAME = 320, 200
REJECTED = 400
FOR_REAL = (
    "It is signed with the source's own secret, and received and decided as any other delivery, as a new event. What "
    "the rules ask for is done for real."
)
IN_PRACTICE = "HubSpot is the sandbox here: no real person is enrolled."
CHOSEN = "As it is chosen below,"
NO_SAMPLE = "There is no sample of this provider."


def url_of(source: str, what: str = "") -> str:
    """Return the path of a source's page, or of what is done there."""
    return f"{ROOT}/sources/{quote(source, safe='')}{what}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sample, and whom it is about; without an address it is about the person whom it names itself."""

    sample: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Samples:
    """Sends samples, and says before what they would come to."""

    console: Console
    new_id: Callable[[str], str]

    def config(self, visit: Visit) -> tuple[SourceConfig, Rulebook]:
        """Return the source that a page is about. Raises Problem where the rules in force have none of its name."""
        book = self.console.process.rulebook.current
        if book is None:
            raise Busy("no_rulebook", "no rulebook is loaded yet")
        if (config := book.sources.get(visit.parameters["source"])) is None:
            raise not_there("source of this name in the rules that are in force")
        return config, book

    def wanted(self, visit: Visit, config: SourceConfig) -> Wanted:
        """Return what a form asks for; the first sample where it does not say."""
        email = visit.form.get("email", "").strip()[:LONGEST_ADDRESS]
        names = sample_names(config, visit.now)
        return Wanted(visit.form.get("sample", "")[:LONGEST_NAME] or next(iter(names), ""), email or None)

    def consequences(self) -> tuple[str, ...]:
        """Return what holds for every sample that is sent."""
        return (FOR_REAL, IN_PRACTICE) if self.console.process.practice else (FOR_REAL,)

    async def foreseen(self, config: SourceConfig, book: Rulebook, wanted: Wanted) -> tuple[str, ...]:
        """Return what would follow, a line each. Raises FormError where it cannot be sent so."""
        sent = await self._send(config, book, wanted, dry_run=True)
        return tuple(self._clean(line) for line in sent.foreseen)

    async def ask(self, visit: Visit) -> Confirm:
        """Ask whether a sample is to be sent."""
        config, book = self.config(visit)
        names, wanted = sample_names(config, visit.now), self.wanted(visit, config)
        confirm = Confirm(
            title=f"Send a sample to {config.name}?",
            button="Send it",
            back=url_of(config.name),
            consequences=self.consequences(),
            fields=(sample_field(names, wanted.sample), address_field(wanted.email), REASON),
            impossible=None if names else NO_SAMPLE,
        )
        try:
            lines = await self.foreseen(config, book, wanted) if names else ()
            said = tuple(as_sentence(f"{CHOSEN} {line}") for line in lines)
        except FormError as error:
            said = () if visit.form else (error.message,)  # after a form it stands beside its field
        return replace(confirm, consequences=(*confirm.consequences, *said))

    async def send(self, visit: Visit) -> Done:
        """Send it."""
        config, book = self.config(visit)
        sent = await self._send(config, book, self.wanted(visit, config), dry_run=False)
        if (status := sent.status or 0) >= REJECTED:
            reason = (sent.reason or "").partition(":")[0]
            message = f"The sample was rejected with {status}: {rejection(reason).clause}."
            return Done(url_of(config.name), message)
        found = await FindStore(self.console.process.engine).delivery(sent.delivery_id or "")
        if found is None or found.event_id is None:
            message = "The sample was accepted. No rule listens to it, so that it is counted and not stored."
            return Done(url_of(config.name), message)
        return Done(
            f"{ROOT}/events/{found.event_id}", "The sample was accepted: this is the event, and what became of it."
        )

    async def _send(self, config: SourceConfig, book: Rulebook, wanted: Wanted, *, dry_run: bool) -> SentSample:
        sender = sample_sender(self.console.process, self.new_id)
        try:
            names = await target_names(self.console, book) if dry_run else NO_NAMES
            return await sender.send(
                config, book, sample=wanted.sample, email=wanted.email, dry_run=dry_run, names=names
            )
        except SampleRefused as refused:
            field = "email" if refused.choice == "email" else "sample"
            raise FormError(field, as_sentence(self._clean(str(refused)))) from refused
        except StartError as error:
            raise FormError("sample", as_sentence(self._clean(str(error)))) from error

    def _clean(self, text: str) -> str:
        return masked_text(str(hiding(self.console)(text)))


def samples(console: Console) -> Samples:
    """Return it."""
    return Samples(console, Ids())


def add(pages: Pages, one: Samples) -> None:
    """Add the change."""
    pages.change("/sources/{source}/sample", one.ask, one.send, Role.OPERATOR)


def sample_field(names: tuple[str, ...], value: str) -> Field:
    """Return the choice of a sample."""
    return Field("sample", "Sample", "choice", value, required=True, choices=tuple((name, name) for name in names))


def address_field(value: str | None) -> Field:
    """Return the field of the person whom a sample is about."""
    hint = "Without one it is about the made-up person whom the sample names"
    return Field("email", "About the person of this address", value=value or "", hint=hint)
