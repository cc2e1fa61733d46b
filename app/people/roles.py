"""Addresses of a role instead of a person: several people read them, or none. Pure."""

from __future__ import annotations

import re

from app.people.addresses import normalise

# RFC 2142, which names mailboxes for services and roles.
STANDARD = "abuse ftp hostmaster info marketing news noc postmaster sales security support usenet uucp webmaster www"
# What importers of mailing lists refuse (mailchimp.com/help/limits-on-role-based-addresses, and getresponse.com, Can I
# add role email addresses to my list of contacts), and what companies write on their pages.
USUAL = """
    admin administrator billing bounce careers compliance contact devnull dns donotreply enquiries feedback help hello
    hr inquiries inoc ispfeedback ispsupport jobs legal list listrequest mail mailerdaemon maildaemon noreply notify
    null office orders phish phishing press privacy registrar root spam subscribe sysadmin team tech
    undisclosedrecipients unsubscribe webadmin welcome whois
"""
_ROLES = frozenset((STANDARD + USUAL).split())
_SEPARATORS = re.compile("[-_.]")


def is_role(address: str | None) -> bool:
    """Tell whether the address is a role's: `info@`, `no-reply@`; separators and what follows a plus do not count."""
    local = (normalise(address) or "").rpartition("@")[0].partition("+")[0]
    return _SEPARATORS.sub("", local) in _ROLES
