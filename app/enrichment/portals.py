"""The account of a HubSpot contact: the same id is another person in another portal (HubSpot's word). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import LookupFailed, LookupNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def account_of(portal: str, candidates: Sequence[str], known: Mapping[str, str]) -> str:
    """Return the candidate account that has the portal id that an event names.

    `known` are the portal ids of accounts, as far as they are known; `portal` is empty where the event names none. A
    single candidate whose portal id is unknown is accepted. Raises LookupFailed while the answer is unknown, and
    LookupNotFound where no candidate has that portal id: no account is called then.
    """
    if found := [name for name in candidates if portal and known.get(name) == portal]:
        return found[0]
    if len(candidates) == 1 and (not portal or candidates[0] not in known):
        return candidates[0]
    if not portal:
        raise LookupNotFound("the event names no HubSpot account, and there are several: give its source an `account`")
    if unknown := [f"{name!r}" for name in candidates if name not in known]:
        message = f"the event is of HubSpot account {portal}, and it is not known yet which one {_and(unknown)} is"
        raise LookupFailed("portal_not_known", message)
    raise LookupNotFound(_foreign(portal, candidates, known))


def _foreign(portal: str, candidates: Sequence[str], known: Mapping[str, str]) -> str:
    ours = _and([f"{name!r} is {known[name]}" for name in candidates])
    return (
        f"the event is of HubSpot account {portal}, and {ours}: its ids are other people there, so that no contact was "
        f"asked; give {portal} an account of its own in the rules and its source no `account`, or end the app there"
    )


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
