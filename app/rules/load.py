"""Text -> Rulebook, or all mistakes at once with file, line and column. Nothing is put in force here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ValidationError

from app.errors import Mistake, RulebookError
from app.model import Account, Intent, Secret, Sender, SourceConfig
from app.policy.addresses import normalise
from app.rules.book import EnrollAction, Rule, Rulebook, indexed, revision_of
from app.rules.documents import read_documents
from app.rules.expressions import Expression, ExpressionError, compiled
from app.rules.mending import UNKNOWN
from app.rules.parts import Part, mistake_of, read_part, told_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.rules.documents import Document
    from app.rules.schema import RuleEntry, SenderEntry, SourceEntry

__all__ = ["load", "read_documents"]


class Provider(Protocol):
    """What loading needs of a provider."""

    Options: type[BaseModel]
    asks_hubspot: bool

    def check(self, config: SourceConfig) -> list[str]:
        """Return what is wrong with a source's configuration, as sentences."""


def load(
    documents: tuple[Document, ...],
    *,
    environment: Mapping[str, str],
    providers: Mapping[str, Provider],
    default_account: Account | None = None,
) -> Rulebook:
    """Return the rulebook that the documents describe. Raises RulebookError with every mistake that can be found."""
    mistakes: list[Mistake] = []
    parts = [part for document in documents if (part := read_part(document, environment, mistakes))]
    complete = len(parts) == len(documents)
    loader = _Loader(mistakes, providers)
    accounts = loader.accounts(parts, default_account, complete=complete)
    sources = loader.sources(parts)
    senders = loader.senders(parts)
    rules = loader.rules(parts, senders, complete=complete)
    if mistakes or not accounts:
        raise RulebookError(told_once(mistakes, parts))
    store_unheard = any(part.file.store_unheard for part in parts)
    revision = revision_of(documents)
    return Rulebook(revision, documents, accounts, sources, senders, rules, store_unheard, indexed(rules))


class _Loader:
    """Turns validated entries into what the rulebook holds; whatever is wrong is noted, and the rest is looked at."""

    def __init__(self, mistakes: list[Mistake], providers: Mapping[str, Provider]) -> None:
        self._mistakes = mistakes
        self._providers = providers
        self._accounts: frozenset[str] | None = None

    def accounts(self, parts: list[Part], default: Account | None, *, complete: bool) -> dict[str, Account]:
        """Make the accounts. Names are checked against them only when every file could be read (`complete`)."""
        found = self._merged(parts, "accounts")
        entries = {name: part.file.accounts[name] for name, part in found.items()}
        made = {name: Account(name, entry.token, entry.per_10s) for name, entry in entries.items()}
        whole = not any("accounts" in part.mended for part in parts)
        if not made and default is not None:
            made = {default.name: default}
        if not made and parts and whole:
            told = "no HubSpot credential: write `accounts:` with a token, or set SEGUE_HUBSPOT_TOKEN"
            self._note(parts[0], (), told)
        self._accounts = frozenset(made) if whole and complete and made else None
        return made

    def _account(self, name: str | None, part: Part, place: tuple[str | int, ...], *, needed: bool = True) -> str:
        """Return the account that an entry means: the one it names, or the only one."""
        known = self._accounts
        if name is not None and known is not None and name not in known:
            wrong = part.parsed.written((*place, "account"))
            self._note(part, (*place, "account"), f"there is no account {wrong!r} in `accounts`")
        if name is None and needed and known is not None and len(known) > 1:
            told = f"there are several accounts: name one of {', '.join(sorted(known))} as `account`"
            self._note(part, place, told)
        return name or next(iter(known or ()), "")

    def _merged(self, parts: list[Part], section: str) -> dict[str, Part]:
        """Return the names of a section over all files, each with the file it stands in."""
        found: dict[str, Part] = {}
        for part in parts:
            for name in getattr(part.file, section):
                if name in found:
                    told = f"{name!r} stands in {found[name].parsed.file} already"
                    self._note(part, (section, name), told, key=True)
                else:
                    found[name] = part
        return found

    def sources(self, parts: list[Part]) -> dict[str, SourceConfig]:
        found = self._merged(parts, "sources")
        made = {name: self._source(name, part.file.sources[name], part) for name, part in found.items()}
        return {name: source for name, source in made.items() if source is not None}

    def _source(self, name: str, entry: SourceEntry, part: Part) -> SourceConfig | None:
        place = ("sources", name)
        if entry.provider == UNKNOWN:
            return None
        provider = self._providers.get(entry.provider)
        if provider is None:
            wrong = part.parsed.written((*place, "provider"))
            told = f"there is no provider {wrong!r}; there are {', '.join(sorted(self._providers))}"
            self._note(part, (*place, "provider"), told)
            return None
        try:
            options = provider.Options.model_validate(entry.model_extra or {})
        except ValidationError as error:
            details = error.errors(include_input=False, include_url=False)
            self._mistakes += [mistake_of(part.parsed, detail, place) for detail in details]
            return None
        secrets = tuple(Secret(secret.value, secret.not_after) for secret in entry.secrets)
        fields = entry.map.model_dump(exclude_none=True)
        self._account(entry.account, part, place, needed=provider.asks_hubspot)
        config = SourceConfig(name, entry.provider, secrets, options, fields, entry.account)
        # A secret that could not be read has been told already.
        for told in provider.check(config) if not part.parsed.mistakes else ():
            self._note(part, (*place, "secrets"), f"source {name!r}: {told}")
        return config

    def senders(self, parts: list[Part]) -> dict[str, Sender]:
        found = self._merged(parts, "senders")
        return {name: self._sender(name, part.file.senders[name], part) for name, part in found.items()}

    def _sender(self, name: str, entry: SenderEntry, part: Part) -> Sender:
        email = normalise(entry.email)
        if email is None:
            self._note(part, ("senders", name, "email"), "this is no usable e-mail address")
        return Sender(name, entry.user_id, email or entry.email)

    def rules(self, parts: list[Part], senders: Mapping[str, Sender], *, complete: bool) -> tuple[Rule, ...]:
        """Compile the rules. References are checked only when every file could be read (`complete`)."""
        made: dict[str, Rule] = {}
        known_senders = senders if complete and not any("senders" in part.mended for part in parts) else None
        known = {UNKNOWN, *(name for part in parts for name in part.file.sources)}
        mended = {section for part in parts for section in part.mended}
        for part in parts:
            for number, entry in enumerate(part.file.rules):
                place = ("rules", number)
                if entry.id in made:
                    wrong = part.parsed.written((*place, "id"))
                    self._note(part, (*place, "id"), f"another rule is called {wrong!r} already")
                if complete and entry.source not in known and "sources" not in mended:
                    wrong = part.parsed.written((*place, "source"))
                    self._note(part, (*place, "source"), f"there is no source {wrong!r} in `sources`")
                made.setdefault(entry.id, self._rule(entry, part, place, known_senders))
        return tuple(made.values())

    def _rule(
        self,
        entry: RuleEntry,
        part: Part,
        place: tuple[str | int, ...],
        senders: Mapping[str, Sender] | None,
    ) -> Rule:
        if entry.ignore == (entry.enroll is not None):
            told = "it either enrolls or ignores: write one of `enroll` and `ignore: true`"
            self._note(part, place, f"rule {part.parsed.written((*place, 'id'))!r}: {told}")
        return Rule(
            id=entry.id,
            file=part.parsed.file,
            line=part.parsed.line(place),
            source=entry.source,
            types=tuple(entry.type),
            when=self._expression(entry.when, part, (*place, "when")) if entry.when else None,
            goes_on=entry.continue_,
            stops_on_error=entry.on_error == "stop",
            enroll=self._action(entry, part, place, senders),
            examples=tuple(entry.examples),
        )

    def _action(
        self,
        entry: RuleEntry,
        part: Part,
        place: tuple[str | int, ...],
        senders: Mapping[str, Sender] | None,
    ) -> EnrollAction | None:
        if entry.enroll is None:
            return None
        sender = senders.get(entry.enroll.sender) if senders is not None else None
        if sender is None and senders is not None and entry.enroll.sender != UNKNOWN:
            at = (*place, "enroll", "sender")
            self._note(part, at, f"there is no sender {part.parsed.written(at)!r} in `senders`")
        account = self._account(entry.account, part, place)
        properties = {
            name: expression
            for name, text in entry.contact.set.items()
            if (expression := self._expression(text, part, (*place, "contact", "set", name)))
        }
        return EnrollAction(
            account=account,
            sequence=entry.enroll.sequence,
            sender=sender or Sender(entry.enroll.sender, "", ""),
            properties=properties,
            require=tuple(entry.contact.require),
            intent=Intent(entry.dedupe.intent or f"sequence:{entry.enroll.sequence}", entry.dedupe.period),
        )

    def _expression(self, text: str, part: Part, path: tuple[str | int, ...]) -> Expression | None:
        # What is shown and stored is the text as written: the value of a variable may be a secret.
        written = part.parsed.written(path)
        try:
            return replace(compiled(text), text=written)
        except ExpressionError as error:
            if text != written:
                self._note(part, path, f"{path[-1]}: with its variables put in, this is no expression")
                return None
            at = part.parsed.mistake(path, f"{path[-1]}: {error}")
            column = at.column + error.column - 1 if error.line == 1 else error.column
            self._mistakes.append(Mistake(at.file, at.line + error.line - 1, column, at.message))
            return None

    def _note(self, part: Part, path: tuple[str | int, ...], message: str, *, key: bool = False) -> None:
        self._mistakes.append(part.parsed.mistake(path, message, key=key))
