"""Addresses that tools and marketplaces make up where they know none of the person, or keep the person's to themselves.

They are addresses in form only: mail to them bounces, or is read and limited by the marketplace for as long as an order
lasts. Relays that a person has chosen (Apple's private relay, Firefox Relay, DuckDuckGo) reach the person for good, and
are not listed; neither are the example domains, with which operators try their rules. Pure.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase, translate
from typing import NamedTuple

from app.people.addresses import normalise


class MadeUp(NamedTuple):
    """A kind of address: its pattern (`*` stands for any text), what it is, and where that is said."""

    pattern: str
    meaning: str
    source: str


MADE_UP = (
    MadeUp(
        "*@sms.cal.com",
        "Cal.com makes it of a phone number",
        "calcom/cal.com, packages/lib/contructEmailFromPhoneNumber.ts",
    ),
    MadeUp(
        "*@users.noreply.github.com",
        "GitHub gives it to people who keep theirs private, and takes no mail for it",
        "docs.github.com, Email addresses reference, Your noreply email address",
    ),
    MadeUp(
        "*@marketplace.amazon.*",
        "Amazon relays it for an order",
        "help.shipstation.com, 206638627; help.retently.com, 12538313",
    ),
    MadeUp(
        "*@members.ebay.*",
        "eBay relays it between members",
        "developer.ebay.com, Trading API, Communication between members, Static email addresses",
    ),
    MadeUp(
        "*@scs*.tiktok*.*",
        "TikTok Shop relays it for an order",
        "AfterShip Feed, FAQs related to Shopify order linked customer details; help.retently.com, 12538313",
    ),
    MadeUp(
        "*@chat-seller*.tiktok.com",
        "TikTok Shop relays it for an order",
        "knowledgebase.skuiq.com, Why is TikTok Order showing up instead of my customer's name",
    ),
    MadeUp(
        "*@guest.booking.com",
        "Booking.com relays it for a stay",
        "partner.booking.com, Why does the guest's email address end with @guest.booking.com",
    ),
    MadeUp(
        "no-email@channelengine.com",
        "ChannelEngine writes it where a marketplace tells no address",
        "support.channelengine.com, 4409484827933",
    ),
    MadeUp("*.invalid", "a domain that never exists", "RFC 6761, section 6.4"),
)

# One look at the host for all patterns: hardly any address is made up.
_ANY_HOST = re.compile("|".join(translate(kind.pattern.rpartition("@")[2]) for kind in MADE_UP))


def made_up(address: str | None) -> str | None:
    """Return what kind of made-up address this is, in words and without the address; None where it is none."""
    normal = normalise(address)
    if normal is None or not _ANY_HOST.match(normal.rpartition("@")[2]):
        return None
    kind = next((kind for kind in MADE_UP if fnmatchcase(normal, kind.pattern)), None)
    return f"{kind.meaning} ({kind.pattern})" if kind else None
