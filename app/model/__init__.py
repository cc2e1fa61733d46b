"""The vocabulary of Segue: immutable values that every step passes to the next; no module here performs I/O.

Other rooms import the values from `app.model`, the table of transitions from `states`, the stored form of a plan from
`plan_json`, and from `immutable` how values of the hot path are declared. A transition that the table does not hold
raises `ImpossibleTransition`.
"""

from app.model.account import Account, Cap, UnenrollWorkflow, is_hubspots, is_kept
from app.model.decision import (
    CONTACT_OWNER,
    DECISION,
    ENROLL,
    KEEP,
    Decision,
    EnrollRequest,
    IfEnrolled,
    Intent,
    Plan,
    PropertyValue,
    RuleFact,
    Verdict,
)
from app.model.delivery import Delivery, Event, Response, Secret, SourceConfig
from app.model.endpoint import Endpoint, OutboundKind
from app.model.enrollment import (
    NO_OUTCOME,
    NOT_CONNECTED,
    Baseline,
    DroppedProperty,
    Enrollment,
    Filters,
    ObservedEnrollment,
    State,
    Step,
    WrittenContact,
)
from app.model.sending import OF_CONTACT, OF_SENDER, OnSenderFull, Pick, Pool, Sender, Sticky, Timing, Window

__all__ = [
    "CONTACT_OWNER",
    "DECISION",
    "ENROLL",
    "KEEP",
    "NOT_CONNECTED",
    "NO_OUTCOME",
    "OF_CONTACT",
    "OF_SENDER",
    "Account",
    "Baseline",
    "Cap",
    "Decision",
    "Delivery",
    "DroppedProperty",
    "Endpoint",
    "EnrollRequest",
    "Enrollment",
    "Event",
    "Filters",
    "IfEnrolled",
    "Intent",
    "ObservedEnrollment",
    "OnSenderFull",
    "OutboundKind",
    "Pick",
    "Plan",
    "Pool",
    "PropertyValue",
    "Response",
    "RuleFact",
    "Secret",
    "Sender",
    "SourceConfig",
    "State",
    "Step",
    "Sticky",
    "Timing",
    "UnenrollWorkflow",
    "Verdict",
    "Window",
    "WrittenContact",
    "is_hubspots",
    "is_kept",
]
