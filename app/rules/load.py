"""Text -> Rulebook, or all mistakes at once with file, line and column. Nothing is put in force here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ValidationError

from app.errors import RulebookError
from app.model import Secret, SourceConfig
from app.rules.actions.base import Compiler
from app.rules.compile.accounts import accounts_of
from app.rules.compile.endpoints import endpoints_of
from app.rules.compile.rules import Rules
from app.rules.compile.senders import People
from app.rules.compile.windows import Timings
from app.rules.file.diagnostics import Findings
from app.rules.file.documents import read_documents
from app.rules.file.parse import Part, mistake_of, read_part, told_once
from app.rules.file.recovery import UNKNOWN
from app.rules.rulebook import Rulebook, indexed, revision_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import Mistake
    from app.model import Account
    from app.rules.file.diagnostics import Place
    from app.rules.file.documents import Document
    from app.rules.file.schema import SourceEntry

__all__ = ["load", "read_documents"]


class Provider(Protocol):
    """What loading needs of a provider."""

    Options: type[BaseModel]

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
    findings = Findings(mistakes)
    loader = _Loader(findings, mistakes, providers)
    accounts = loader.accounts(parts, default_account, complete=complete)
    sources = loader.sources(parts)
    people = People(parts, findings, complete=complete)
    timings = Timings(parts, findings, people, accounts, complete=complete)
    endpoints = endpoints_of(parts, findings, loader.require_account)
    compiler = Compiler(findings, people, timings, accounts, loader.account_of)
    rules = Rules(parts, compiler, complete=complete).compiled(parts)
    if mistakes or not accounts:
        raise RulebookError(told_once(mistakes, parts))
    store_unheard = any(part.file.store_unheard for part in parts)
    suppress = tuple(entry for part in parts for entry in part.file.suppress)
    revision = revision_of(documents)
    return Rulebook(
        revision,
        documents,
        accounts,
        sources,
        people.senders,
        people.pools,
        rules,
        store_unheard,
        suppress,
        indexed(rules),
        endpoints,
    )


class _Loader:
    """Turns validated entries into what the rulebook holds; whatever is wrong is noted, and the rest is looked at."""

    def __init__(self, findings: Findings, mistakes: list[Mistake], providers: Mapping[str, Provider]) -> None:
        self._findings = findings
        self._mistakes = mistakes
        self._providers = providers
        self._accounts: frozenset[str] | None = None

    def accounts(self, parts: list[Part], default: Account | None, *, complete: bool) -> dict[str, Account]:
        """Make the accounts. Names are checked against them only when every file could be read (`complete`)."""
        made = accounts_of(parts, self._findings)
        whole = not any("accounts" in part.mended for part in parts)
        if not made and default is not None:
            made = {default.name: default}
        if not made and parts and whole:
            told = "no HubSpot credential: write `accounts:` with a token, or set SEGUE_HUBSPOT_TOKEN"
            self._findings.note(parts[0], (), told)
        self._accounts = frozenset(made) if whole and complete and made else None
        return made

    def account_of(self, name: str | None, part: Part, place: Place) -> str:
        """Return the account that an entry means: the one it names, or the only one."""
        known = self._accounts
        if name is not None:
            self.require_account(name, part, (*place, "account"))
        if name is None and known is not None and len(known) > 1:
            told = f"there are several accounts: name one of {', '.join(sorted(known))} as `account`"
            self._findings.note(part, place, told)
        return name or next(iter(known or ()), "")

    def require_account(self, name: str, part: Part, place: Place) -> None:
        """Note when there is no such account; `place` is where its name stands."""
        if self._accounts is not None and name not in self._accounts:
            told = f"there is no account {part.parsed.written(place)!r} in `accounts`"
            self._findings.note(part, place, told)

    def sources(self, parts: list[Part]) -> dict[str, SourceConfig]:
        found = self._findings.merged(parts, "sources")
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
            self._findings.note(part, (*place, "provider"), told)
            return None
        try:
            options = provider.Options.model_validate(entry.model_extra or {})
        except ValidationError as error:
            details = error.errors(include_input=False, include_url=False)
            self._mistakes += [mistake_of(part.parsed, detail, place) for detail in details]
            return None
        secrets = tuple(Secret(secret.value, secret.not_after) for secret in entry.secrets)
        fields = entry.map.model_dump(exclude_none=True)
        if entry.account is not None:
            self.require_account(entry.account, part, (*place, "account"))
        config = SourceConfig(name, entry.provider, secrets, options, fields, entry.account)
        # A secret that could not be read has been told already.
        for told in provider.check(config) if not part.parsed.mistakes else ():
            self._findings.note(part, (*place, "secrets"), f"source {name!r}: {told}")
        return config
