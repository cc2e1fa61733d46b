"""Text -> Rulebook, or all mistakes at once with file, line and column. Nothing is put in force here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from app.errors import RulebookError
from app.model import Secret, SourceConfig
from app.rules.actions.base import SharedContext
from app.rules.compile.accounts import compile_accounts
from app.rules.compile.domain_lists import compile_lists
from app.rules.compile.endpoints import compile_endpoints
from app.rules.compile.rules import compile_rules
from app.rules.compile.senders import SenderCompiler
from app.rules.compile.windows import WindowCompiler
from app.rules.file.diagnostics import Diagnostics
from app.rules.file.parse import Part, mistake_of, read_part, without_repeats
from app.rules.file.recovery import UNKNOWN
from app.rules.rulebook import Rulebook, indexed, revision_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import Mistake
    from app.model import Account
    from app.rules.file.documents import Document
    from app.rules.file.parsed import Place
    from app.rules.file.schema import SourceEntry
    from app.sources.base import Provider


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
    lists = compile_lists(parts)
    diagnostics = Diagnostics(mistakes, lists)
    loader = _Loader(diagnostics, mistakes, providers)
    accounts = loader.accounts(parts, default_account, complete=complete)
    sources = loader.sources(parts)
    senders = SenderCompiler(parts, diagnostics, complete=complete)
    windows = WindowCompiler(parts, diagnostics, senders, accounts, complete=complete)
    endpoints = compile_endpoints(parts, diagnostics, loader.require_account)
    shared = SharedContext(diagnostics, senders, windows, accounts, loader.resolve_account)
    rules = compile_rules(parts, shared, complete=complete)
    if mistakes or not accounts:
        raise RulebookError(without_repeats(mistakes, parts))
    store_unheard = any(part.file.store_unheard for part in parts)
    suppress = tuple(entry for part in parts for entry in part.file.suppress)
    revision = revision_of(documents)
    return Rulebook(
        revision,
        documents,
        accounts,
        sources,
        senders.senders,
        senders.pools,
        rules,
        store_unheard,
        suppress,
        indexed(rules),
        endpoints,
        lists,
    )


class _Loader:
    """Compiles accounts and sources. Mistakes are noted, and the rest is checked too."""

    def __init__(self, diagnostics: Diagnostics, mistakes: list[Mistake], providers: Mapping[str, Provider]) -> None:
        self._diagnostics = diagnostics
        self._mistakes = mistakes
        self._providers = providers
        self._accounts: frozenset[str] | None = None

    def accounts(self, parts: list[Part], default: Account | None, *, complete: bool) -> dict[str, Account]:
        """Return the accounts. Names are checked against them only when every file could be read (`complete`)."""
        accounts = compile_accounts(parts, self._diagnostics)
        whole = not any("accounts" in part.recovered for part in parts)
        if not accounts and default is not None:
            accounts = {default.name: default}
        if not accounts and parts and whole:
            message = "no HubSpot credential: write `accounts:` with a token, or set SEGUE_HUBSPOT_TOKEN"
            self._diagnostics.note(parts[0], (), message)
        self._accounts = frozenset(accounts) if whole and complete and accounts else None
        return accounts

    def resolve_account(self, name: str | None, part: Part, place: Place) -> str:
        """Return the account that an entry names, or the only account."""
        known = self._accounts
        if name is not None:
            self.require_account(name, part, (*place, "account"))
        if name is None and known is not None and len(known) > 1:
            message = f"there are several accounts: name one of {', '.join(sorted(known))} as `account`"
            self._diagnostics.note(part, place, message)
        return name or next(iter(known or ()), "")

    def require_account(self, name: str, part: Part, place: Place) -> None:
        """Note an account that does not exist; `place` is the place of its name."""
        if self._accounts is not None and name not in self._accounts:
            self._diagnostics.note(part, place, f"there is no account {part.parsed.written(place)!r} in `accounts`")

    def sources(self, parts: list[Part]) -> dict[str, SourceConfig]:
        found = self._diagnostics.merged(parts, "sources")
        made = {name: self._source(name, part.file.sources[name], part) for name, part in found.items()}
        return {name: source for name, source in made.items() if source is not None}

    def _source(self, name: str, entry: SourceEntry, part: Part) -> SourceConfig | None:
        place = ("sources", name)
        if entry.provider == UNKNOWN:
            return None
        provider = self._providers.get(entry.provider)
        if provider is None:
            wrong = part.parsed.written((*place, "provider"))
            message = f"there is no provider {wrong!r}; there are {', '.join(sorted(self._providers))}"
            self._diagnostics.note(part, (*place, "provider"), message)
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
        config = SourceConfig(name, entry.provider, secrets, options, fields, entry.account, entry.silence)
        # A secret that could not be read is noted already.
        for message in provider.check(config) if not part.parsed.mistakes else ():
            self._diagnostics.note(part, (*place, "secrets"), f"source {name!r}: {message}")
        return config
