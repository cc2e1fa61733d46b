"""What was done, in words: of each act that the audit log may hold, by its name there. Pure.

An act may have been refused, or have failed: the words say what it is, and not that it was done.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_API, _PAGE = "POST /api/v1", "POST /admin"
_NAMED: Mapping[str, tuple[str, ...]] = {
    "Sign in": ("sign-in",),
    "Sign out": (f"{_PAGE}/sign-out",),
    "End a session": (f"{_PAGE}/me/sessions/{{session}}/end",),
    "Choose a time zone": (f"{_PAGE}/me/zone",),
    "Make a link that signs in": ("segue console", "start"),
    "Prepare the database for this version": ("segue migrate",),
    "Put a backup back": ("segue restore",),
    "Mark the database as one that was put back": ("segue mark-restored",),
    "Mark the database as one that was moved": ("segue mark-moved",),
    "Count the tallies anew": ("segue tally --rebuild",),
    "Put rules in force": ("rules", "rules put in force"),
    "Read the rules again": ("POST /-/reload", f"{_PAGE}/rules/reload"),
    "Run the doctor on an account": (f"{_API}/accounts/{{account}}/doctor", f"{_PAGE}/accounts/{{account}}/doctor"),
    "Make a link that connects an account": (
        f"{_API}/accounts/{{account}}/install",
        f"{_PAGE}/accounts/{{account}}/connect",
        "segue hubspot install",
    ),
    "Begin to connect an account": ("POST /oauth/install",),
    "Connect an account": ("GET /oauth/callback",),
    "Disconnect an account": ("segue hubspot disconnect",),
    "Register the workflow action at HubSpot": ("segue hubspot action --register",),
    "Send a sample to a source": (f"{_API}/sources/{{name}}/sample", f"{_PAGE}/sources/{{source}}/sample"),
    "See what a sample would come to": (f"{_PAGE}/sources/{{source}}/sample/look",),
    "Look at a rejected delivery": (f"{_PAGE}/sources/{{source}}/rejected/{{delivery_id}}/show",),
    "Look at a raw delivery": (f"{_PAGE}/events/{{event_id}}/raw",),
    "Decide an event again": (f"{_API}/events/{{event_id}}/decide", f"{_PAGE}/events/{{event_id}}/decide"),
    "Decide the events of a rule again": (f"{_API}/events/decide",),
    "Decide one event, or those of a rule, again": ("segue decide",),
    "Release an enrollment": (
        f"{_API}/enrollments/{{enrollment_id}}/release",
        f"{_PAGE}/enrollments/{{enrollment_id}}/release",
        "segue release",
    ),
    "Cancel an enrollment": (
        f"{_API}/enrollments/{{enrollment_id}}/cancel",
        f"{_PAGE}/enrollments/{{enrollment_id}}/cancel",
    ),
    "Release parked enrollments together": (
        f"{_API}/enrollments/release",
        f"{_PAGE}/parked/release",
        "segue jobs release_parked",
        "job release_parked",
    ),
    "Release parked enrollments by the rules of now": (
        "segue jobs release_as_rules_now",
        "job release_as_rules_now",
    ),
    "Cancel parked enrollments together": (f"{_PAGE}/parked/cancel",),
    "Cancel what waits for a person": (f"{_API}/enrollments/cancel", f"{_PAGE}/people/{{person}}/cancel"),
    "Cancel enrollments together": (f"{_PAGE}/enrollments/cancel", "job cancel"),
    "Cancel a job, or enrollments together": ("segue jobs cancel",),
    "Begin a job": (f"{_API}/jobs",),
    "Look at a job": ("segue jobs one",),
    "Pause a job": (f"{_API}/jobs/{{job_id}}/pause", f"{_PAGE}/jobs/{{job_id}}/pause", "segue jobs pause"),
    "Resume a job": (f"{_API}/jobs/{{job_id}}/resume", f"{_PAGE}/jobs/{{job_id}}/resume", "segue jobs resume"),
    "Cancel a job": (f"{_API}/jobs/{{job_id}}/cancel", f"{_PAGE}/jobs/{{job_id}}/cancel"),
    "Pause a sender": (f"{_API}/senders/{{sender_id}}/pause", f"{_PAGE}/senders/{{sender}}/pause"),
    "Resume a sender": (f"{_API}/senders/{{sender_id}}/resume", f"{_PAGE}/senders/{{sender}}/resume"),
    "Send a test to an endpoint": (f"{_API}/endpoints/{{name}}/test", f"{_PAGE}/endpoints/{{endpoint}}/test"),
    "Send to an endpoint again at once": (
        f"{_API}/endpoints/{{name}}/enable",
        f"{_PAGE}/endpoints/{{endpoint}}/enable",
    ),
    "Send one event to your systems once more": (f"{_API}/outbound/{{outbound_id}}/replay",),
    "Send events to an endpoint once more": (
        f"{_API}/outbound/replay",
        f"{_PAGE}/endpoints/{{endpoint}}/replay",
        "segue jobs replay_outbound",
        "job replay_outbound",
    ),
    "Suppress addresses or domains": (
        f"{_API}/suppressions",
        f"{_API}/suppressions/import",
        f"{_PAGE}/suppressions/add",
    ),
    "See what follows from suppressing": (f"{_PAGE}/suppressions/add/look",),
    "Suppress a person": (f"{_PAGE}/people/{{person}}/suppress",),
    "Take a suppression out": (f"{_API}/suppressions/remove", f"{_PAGE}/suppressions/{{number}}/remove"),
    "Show a person's address": (f"{_PAGE}/people/{{person}}/show",),
    "Look for a person to erase": (f"{_PAGE}/erasure/look",),
    "Look through everything for a person": (f"{_PAGE}/erasure/{{person}}/inventory",),
    "Export what is kept of a person": (
        f"{_API}/people/export",
        f"{_PAGE}/erasure/{{person}}/export",
        "segue export-person",
    ),
    "Forget a person": (f"{_API}/people/forget", f"{_PAGE}/erasure/{{person}}/forget", "segue forget"),
    "Let a forgotten person come back": (
        f"{_API}/people/lift",
        f"{_PAGE}/erasure/{{person}}/lift",
        "segue forget --lift",
    ),
}
ACTS: Mapping[str, str] = MappingProxyType({name: words for words, names in _NAMED.items() for name in names})
A_PAGE, A_READ, UNKNOWN = "Look at a page", "Read by the API", "An act that this version has no words for"


def act_words(what: str) -> str:
    """Return what an act is; `what` is its name in the log, which an older or a newer version may have given it."""
    method, _, path = what.partition(" ")
    if (found := ACTS.get(what)) or method != "GET":
        return found or UNKNOWN
    if asked := ACTS.get(f"POST {path.removesuffix('.json')}"):
        return f"Open the form: {asked}"
    return A_PAGE if path.startswith("/admin/") else A_READ
