"""Read the facts about one account from HubSpot, with as few calls as possible."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from app.catalogue.pages import all_owners, all_sequences, all_users
from app.doctor.facts import UNAUTHORIZED, Facts, ResponseSeen, is_spent
from app.errors import NotConnected, NotSent, OutcomeUnknown, Refusal, SegueError
from app.hubspot.api.account import account_details, daily_usage
from app.hubspot.api.sequences import get_sequence
from app.hubspot.properties import read_definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from app.doctor.requirements import Wanted
    from app.hubspot.api.sequences import Owner, Sequence
    from app.hubspot.client import CallRecord, HubSpotClient

T = TypeVar("T")


@dataclass
class CallLog:
    """Records each call, and how far HubSpot's clock was from ours when the answer came."""

    now: Callable[[], datetime]
    met: list[ResponseSeen] = field(default_factory=list)

    def observe(self, record: CallRecord) -> None:
        """Record one call."""
        ahead = record.date - self.now() if record.date else None
        self.met.append(ResponseSeen(record.status, ahead, record.remaining_today))


async def read_facts(
    client: HubSpotClient,
    wanted: Wanted,
    call_log: CallLog,
    granted: Callable[[], Coroutine[Any, Any, tuple[str, ...]]] | None,
) -> Facts:
    """Return the facts. `granted` returns the scopes of a grant, for accounts that join by OAuth.

    Where HubSpot is not reached, rejects the token or says that the daily limit is used up, no more calls are made:
    HubSpot counts failed calls, too.
    """
    read = _Reader()
    details = await read(client.send(account_details()))
    if isinstance(details, SegueError) and hopeless(details):
        unseen = {(one.user_id, use.sequence): details for one in wanted.senders for use in wanted.uses}
        return Facts(details, details, details, details, details, (), unseen, tuple(call_log.met), details)
    scopes = await read(granted() if granted else _scopes(client))
    owners = await read(all_owners(client))
    users = await read(all_users(client))
    gone = await _gone(read, client, wanted, owners)
    seen = await _seen(read, client, wanted)
    names_any = wanted.named or wanted.write_backs
    definitions = await read(read_definitions(client)) if names_any else {}
    usage = await read(client.send(daily_usage()))
    return Facts(details, scopes, owners, users, usage, gone, seen, tuple(call_log.met), definitions)


def hopeless(error: SegueError) -> bool:
    """Return whether the next call will end in the same way."""
    unauthorized = isinstance(error, Refusal) and error.status == UNAUTHORIZED
    return unauthorized or is_spent(error) or isinstance(error, NotSent | OutcomeUnknown | NotConnected)


class _Reader:
    """Returns what a call returns, or its error. Once the daily limit is used up, no more calls are made."""

    def __init__(self) -> None:
        self._spent: SegueError | None = None

    async def __call__(self, call: Coroutine[Any, Any, T]) -> T | SegueError:
        """Make one call."""
        if self._spent is not None:
            call.close()
            return self._spent
        try:
            return await call
        except SegueError as error:
            self._spent = error if is_spent(error) else None
            return error


async def _scopes(client: HubSpotClient) -> tuple[str, ...]:
    return (await client.token_info()).scopes


async def _gone(
    read: _Reader, client: HubSpotClient, wanted: Wanted, owners: tuple[Owner, ...] | SegueError
) -> tuple[Owner, ...]:
    """Return the archived owners, where a sender is not among the active ones."""
    if isinstance(owners, SegueError):
        return ()
    active = {owner.user_id for owner in owners}
    if all(sender.user_id in active for sender in wanted.senders):
        return ()
    gone = await read(all_owners(client, archived=True))
    return () if isinstance(gone, SegueError) else gone


async def _seen(read: _Reader, client: HubSpotClient, wanted: Wanted) -> dict[tuple[str, str], Sequence | SegueError]:
    """Return each sequence as each sender sees it."""
    seen: dict[tuple[str, str], Sequence | SegueError] = {}
    for user_id in dict.fromkeys(sender.user_id for sender in wanted.senders if wanted.uses):
        listed = await read(all_sequences(client, user_id))
        for use in wanted.uses:
            seen[user_id, use.sequence] = await _look(read, client, user_id, use.sequence, listed)
    return seen


async def _look(
    read: _Reader, client: HubSpotClient, user_id: str, sequence: str, listed: tuple[Sequence, ...] | SegueError
) -> Sequence | SegueError:
    """Return a sequence as this user sees it. One that is not listed is read by its id."""
    if isinstance(listed, SegueError):
        return listed
    found = next((one for one in listed if one.id == sequence), None)
    return await read(client.send(get_sequence(user_id, sequence))) if found is None else found
