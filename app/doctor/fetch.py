"""The thin shell: asks HubSpot for the facts of one account, with as few calls as will do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from app.catalogue.pages import all_owners, all_sequences, all_users
from app.doctor.facts import UNAUTHORIZED, Facts, ResponseSeen, is_spent
from app.errors import NotConnected, NotSent, OutcomeUnknown, Refusal, SegueError
from app.hubspot.api.account import account_details, daily_usage
from app.hubspot.api.properties import contact_properties
from app.hubspot.api.sequences import get_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from app.doctor.requirements import Wanted
    from app.hubspot.api.sequences import Owner, Sequence
    from app.hubspot.client import CallRecord, HubSpotClient

T = TypeVar("T")


@dataclass
class Witness:
    """Notes how each call went, and how far HubSpot's clock was from ours as its answer came."""

    now: Callable[[], datetime]
    met: list[ResponseSeen] = field(default_factory=list)

    def observe(self, record: CallRecord) -> None:
        """Note one call."""
        ahead = record.date - self.now() if record.date else None
        self.met.append(ResponseSeen(record.status, ahead, record.remaining_today))


async def read_facts(
    client: HubSpotClient,
    wanted: Wanted,
    witness: Witness,
    granted: Callable[[], Coroutine[Any, Any, tuple[str, ...]]] | None,
) -> Facts:
    """Return what HubSpot says. `granted` tells the scopes of a grant, for accounts that join by OAuth.

    Where HubSpot is not reached, does not take the token or calls the day spent, nothing more is asked: it counts
    errors, too.
    """
    tried = Trying()
    details = await tried(client.send(account_details()))
    if isinstance(details, SegueError) and hopeless(details):
        unseen = {(one.user_id, use.sequence): details for one in wanted.senders for use in wanted.uses}
        return Facts(details, details, details, details, details, (), unseen, tuple(witness.met), details)
    scopes = await tried(granted() if granted else _scopes(client))
    owners = await tried(all_owners(client))
    users = await tried(all_users(client))
    gone = await _gone(tried, client, wanted, owners)
    seen = await _seen(tried, client, wanted)
    names_any = wanted.properties or wanted.write_backs
    definitions = await tried(client.send(contact_properties())) if names_any else ()
    usage = await tried(client.send(daily_usage()))
    return Facts(details, scopes, owners, users, usage, gone, seen, tuple(witness.met), definitions)


def hopeless(error: SegueError) -> bool:
    """Tell whether the next call will end as this one did."""
    unauthorized = isinstance(error, Refusal) and error.status == UNAUTHORIZED
    return unauthorized or is_spent(error) or isinstance(error, NotSent | OutcomeUnknown | NotConnected)


class Trying:
    """Returns what is asked for, or the error that kept it from us. Once the day is spent, nothing is asked for."""

    def __init__(self) -> None:
        self._spent: SegueError | None = None

    async def __call__(self, asking: Coroutine[Any, Any, T]) -> T | SegueError:
        """Ask."""
        if self._spent is not None:
            asking.close()
            return self._spent
        try:
            return await asking
        except SegueError as error:
            self._spent = error if is_spent(error) else None
            return error


async def _scopes(client: HubSpotClient) -> tuple[str, ...]:
    return (await client.token_info()).scopes


async def _gone(
    tried: Trying, client: HubSpotClient, wanted: Wanted, owners: tuple[Owner, ...] | SegueError
) -> tuple[Owner, ...]:
    """Return the owners who were archived, where a sender is among none of the others."""
    if isinstance(owners, SegueError):
        return ()
    active = {owner.user_id for owner in owners}
    if all(sender.user_id in active for sender in wanted.senders):
        return ()
    gone = await tried(all_owners(client, archived=True))
    return () if isinstance(gone, SegueError) else gone


async def _seen(tried: Trying, client: HubSpotClient, wanted: Wanted) -> dict[tuple[str, str], Sequence | SegueError]:
    """Look for each sequence with the eyes of each sender."""
    seen: dict[tuple[str, str], Sequence | SegueError] = {}
    for user_id in dict.fromkeys(sender.user_id for sender in wanted.senders if wanted.uses):
        listed = await tried(all_sequences(client, user_id))
        for use in wanted.uses:
            seen[user_id, use.sequence] = await _look(tried, client, user_id, use.sequence, listed)
    return seen


async def _look(
    tried: Trying, client: HubSpotClient, user_id: str, sequence: str, listed: tuple[Sequence, ...] | SegueError
) -> Sequence | SegueError:
    """Return a sequence as this user sees it. One that is not listed is asked for: HubSpot itself shall say no."""
    if isinstance(listed, SegueError):
        return listed
    found = next((one for one in listed if one.id == sequence), None)
    return await tried(client.send(get_sequence(user_id, sequence))) if found is None else found
