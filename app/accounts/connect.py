"""CONNECT: a person gives Segue access to a HubSpot account, from a single-use link to a stored grant, on one page.

An operator requests a link with a ticket. The link opens a page with a button: programs that fetch links to preview
them press none, so that the ticket is still good for the person. The button spends the ticket and redirects the browser
to HubSpot with a state and the challenge of a PKCE verifier; HubSpot redirects back with the state and a code, which is
exchanged for tokens. Any failure on the way is shown to the person as InstallRefused, and nothing is stored.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlencode, urlsplit

import structlog

from app.accounts.install_store import Pending
from app.audit.act import about
from app.clock import elapsed_seconds
from app.errors import DecryptionFailed, GrantRevoked, HubSpotError, InstallRefused, Refusal, SegueError
from app.hubspot.api.consent import authorize_url, missing_scopes
from app.hubspot.api.oauth import exchange, introspect, revoke

if TYPE_CHECKING:
    from app.accounts.grant_store import GrantStore
    from app.accounts.install_store import InstallStore
    from app.hubspot.api.oauth import Tokens
    from app.hubspot.oauth_client import OAuthClient

PAGES = "/oauth"
INSTALL = f"{PAGES}/install"
CALLBACK = f"{PAGES}/callback"
VERIFIER_BYTES = 48
AGAIN = "Ask for a new link with `segue hubspot install`."
USED = f"This link was used already, or its time is over. {AGAIN}"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """The URL that a person is redirected to, and the state that identifies their browser on its return."""

    url: str
    state: str


@dataclass(frozen=True, slots=True)
class Connected:
    """An account that is connected now. `missing` are the scopes that enrolling needs and HubSpot did not grant."""

    account: str
    hub_id: str
    missing: tuple[str, ...]
    released: int


class Disconnected(StrEnum):
    """The outcome of disconnecting an account."""

    NOT_CONNECTED = "it was not connected"
    GIVEN_BACK = "disconnected"
    # A grant that HubSpot did not revoke ends when the app is uninstalled there.
    FORGOTTEN = "forgotten here, and HubSpot did not take it back: uninstall the app in that HubSpot account"


class Connector:
    """Connects accounts. `app_url` is HubSpot's site for consent, `public_url` our address for browsers."""

    def __init__(
        self, grants: GrantStore, installs: InstallStore, client: OAuthClient, *, app_url: str, public_url: str
    ) -> None:
        self._grants = grants
        self._installs = installs
        self._client = client
        self._app_url = app_url
        self._public_url = public_url.rstrip("/")

    @property
    def over_tls(self) -> bool:
        """Whether browsers reach us by HTTPS."""
        return self._public_url.startswith("https://")

    @property
    def pages(self) -> str:
        """The path of these pages as browsers see it: a proxy may put a prefix in front."""
        return urlsplit(self._public_url).path + PAGES

    @property
    def consent_origin(self) -> str:
        """The origin of HubSpot's site, to which the browser is redirected."""
        parts = urlsplit(self._app_url)
        return f"{parts.scheme}://{parts.netloc}"

    async def link(self, account: str, *, seconds: float) -> str:
        """Return a link that connects `account`: it works once, within `seconds`."""
        return install_link(self._public_url, await self._installs.add_ticket(account, seconds=seconds))

    async def account_of(self, ticket: str) -> str:
        """Return the account that the bearer of a ticket may connect; the ticket stays good. Raises InstallRefused."""
        account = await self._installs.account_of(ticket)
        if account is None:
            raise InstallRefused(USED)
        return account

    async def begin(self, ticket: str) -> Sent:
        """Return where the bearer of a ticket is redirected. Raises InstallRefused and Busy."""
        account = await self._installs.take_ticket(ticket)
        if account is None:
            raise InstallRefused(USED)
        about(account)
        pending = Pending(account, secrets.token_urlsafe(VERIFIER_BYTES), self._public_url + CALLBACK)
        state = await self._installs.add_state(pending)
        url = authorize_url(
            self._app_url,
            self._client.app,
            redirect_uri=pending.redirect_uri,
            state=state,
            verifier=pending.verifier,
        )
        log.info("oauth.begun", account=account)
        return Sent(url, state)

    async def give_up(self, state: str, reason: str) -> NoReturn:
        """Raise InstallRefused for a return from HubSpot without a code; the state is used up."""
        pending = await self._pending(state)
        log.warning("oauth.given_up", account=pending.account)
        raise InstallRefused(f"HubSpot did not connect {pending.account!r}: {reason}")

    async def finish(self, state: str, code: str) -> Connected:
        """Exchange the code and store the grant. Raises InstallRefused and Busy."""
        pending = await self._pending(state)
        started = elapsed_seconds()
        tokens = await self._tokens(pending, code)
        hub_id, scopes = tokens.facts.hub_id, tokens.facts.scopes
        if tokens.refresh_token is None or hub_id is None or scopes is None:
            raise InstallRefused(f"HubSpot's answer names no refresh token, account or scopes. {AGAIN}")
        left = tokens.expires_in - (elapsed_seconds() - started)
        released = await self._grants.connect(pending.account, hub_id, tokens, seconds=left)
        log.info("oauth.connected", account=pending.account, hub_id=hub_id, released=released)
        return Connected(pending.account, hub_id, missing_scopes(scopes), released)

    async def disconnect(self, account: str) -> Disconnected:
        """Revoke an account's grant at HubSpot, unless it is dead already, and delete it. Raises no HubSpotError."""
        ended = Disconnected.GIVEN_BACK
        try:
            grant = await self._grants.read(account)
            if grant is not None:
                await self._grants.ask_to_forget(account)
                await self._client.send(account, revoke(self._client.app, grant.refresh_token))
        except GrantRevoked:
            log.info("oauth.revoked_already", account=account)
        except (HubSpotError, DecryptionFailed) as error:
            log.warning("oauth.not_revoked", account=account, error=str(error))
            ended = Disconnected.FORGOTTEN
        return ended if await self._grants.forget(account) else Disconnected.NOT_CONNECTED

    async def _pending(self, state: str) -> Pending:
        try:
            pending = await self._installs.take_state(state)
        except DecryptionFailed as error:
            raise InstallRefused(f"SEGUE_ENCRYPTION_KEYS changed meanwhile. {AGAIN}") from error
        if pending is None:
            raise InstallRefused(f"This way was gone to its end already, or begun over ten minutes ago. {AGAIN}")
        about(pending.account)
        return pending

    async def _tokens(self, pending: Pending, code: str) -> Tokens:
        """Exchange the code, and look up the account of the tokens where the answer lacks it."""
        app = self._client.app
        try:
            call = exchange(app, code, redirect_uri=pending.redirect_uri, verifier=pending.verifier)
            tokens = await self._client.send(pending.account, call)
            if tokens.facts.hub_id is not None and tokens.facts.scopes is not None:
                return tokens
            facts = await self._client.send(pending.account, introspect(app, tokens.access_token))
            return replace(tokens, facts=facts)
        except HubSpotError as error:
            log.warning("oauth.not_connected", account=pending.account, error=str(error))
            raise InstallRefused(_reason(error)) from error


def install_link(public_url: str, ticket: str) -> str:
    """Return the link that a ticket opens."""
    return f"{public_url.rstrip('/')}{INSTALL}?{urlencode({'ticket': ticket})}"


def _reason(error: SegueError) -> str:
    if isinstance(error, Refusal):
        return (
            f"HubSpot gave no access token ({error}). Compare the client id, its secret and the redirect URL. {AGAIN}"
        )
    return f"HubSpot could not be asked for an access token ({error}). {AGAIN}"
