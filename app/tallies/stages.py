"""How far an event came: the words in which hours are counted. Pure.

Up to `undecided` the unit is an event. From `unmatched` on it is a decision in force, one for each rule that an event
matches; an enrollment stands in exactly one stage from `ineligible` to `enrolled`.
"""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """Where an event, a decision or an enrollment is counted; what its `reason` says stands behind each."""

    VERIFIED = "verified"  # stored; the reason is the event's type
    UNDECIDED = "undecided"  # of these: its provider has not been asked yet, or has not answered
    UNMATCHED = "unmatched"  # nothing is asked for: see `Unmatched`
    INELIGIBLE = "ineligible"  # this person may not be enrolled: suppressed, person_cap, left_since, intent_taken, ...
    WAITING = "waiting"  # held, ready, in hand or uncertain: why it is held
    PARKED = "parked"  # an operator must look at it: the class of the trouble, or HubSpot's code
    CANCELLED = "cancelled"  # by an operator, by a rule, or because the person was forgotten
    EXPIRED = "expired"
    REFUSED = "refused"  # HubSpot's code
    DONE = "done"  # an action other than enrolling
    ENROLLED = "enrolled"
    ENDED = "ended"  # of the enrolled ones: finished, unenrolled or unknown
    REPLIED = "replied"  # of the enrolled ones


class Unmatched(StrEnum):
    """Why nothing is asked for."""

    NO_MATCH = "no_match"  # no rule matches
    IGNORED = "ignored"  # a rule says so
    NO_ADDRESS = "no_address"  # a rule matches, and there is no address of a person
    DROPPED = "dropped"  # a member of a batch that cannot be used
    FORGOTTEN = "forgotten"  # the person was forgotten


class Counter(StrEnum):
    """What leaves no row, or not for long: `events` counts events, all others deliveries."""

    ACCEPTED = "accepted"
    FILTERED = "filtered"  # verified: no rule listens to any of its events
    REPEATED = "repeated"  # verified: all of its events were received before
    HANDSHAKE = "handshake"
    REJECTED = "rejected"  # the reason is the class of the refusal
    NO_RULE = "no_rule"  # events that no rule listens to, which are not stored
    REPEATED_EVENTS = "repeated_events"


# From the first to the last of these a person and a rule have met.
MATCHED = (
    Stage.INELIGIBLE,
    Stage.WAITING,
    Stage.PARKED,
    Stage.CANCELLED,
    Stage.EXPIRED,
    Stage.REFUSED,
    Stage.DONE,
    Stage.ENROLLED,
)
VERIFIED_DELIVERIES = (Counter.ACCEPTED, Counter.FILTERED, Counter.REPEATED)
# Refusals of our own which say that this person may not be enrolled. All others are HubSpot's, or about a sender.
INELIGIBLE = ("forgotten", "suppressed", "left_since", "person_cap", "missing_property", "duplicate")
INTENT_TAKEN = "intent_taken"
OTHER = "other"
