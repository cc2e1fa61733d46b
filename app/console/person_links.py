"""Links to the page of a person: the address stands in a URL as a token, whose key is read once for each console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.console.page import ROOT
from app.console.person_token import KEY_NAME, PersonTokens
from app.console.receipts.wording import FORGOTTEN_ADDRESS
from app.database.engine import busy_when_gone
from app.database.installation import shared_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine


class PersonLinks:
    """The tokens of one installation. `tokens` raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._tokens: PersonTokens | None = None

    async def tokens(self) -> PersonTokens:
        """Return what writes and reads tokens."""
        if self._tokens is None:
            with busy_when_gone():
                self._tokens = PersonTokens(await shared_key(self._engine, KEY_NAME))
        return self._tokens

    async def urls(self) -> Callable[[str | None], str | None]:
        """Return what makes the URL of a person's page; None where there is none for an address."""
        tokens = await self.tokens()

        def url(address: str | None) -> str | None:
            known = address and address != FORGOTTEN_ADDRESS
            return f"{ROOT}/people/{tokens.token_of(address)}" if known and address else None

        return url
