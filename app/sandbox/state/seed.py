"""What an account starts with: deterministic, so that a demonstration is the same every time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.sandbox.state.contact_properties import ContactProperty
from app.sandbox.state.contacts import Sequence

SCOPES = (
    "automation.sequences.read",
    "automation.sequences.enrollments.write",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.owners.read",
    "settings.users.read",
    "automation",
    "communication_preferences.read_write",
    "oauth",
)
APP_ID = 4_711_000


@dataclass(frozen=True)
class User:
    """A HubSpot user: sequences take the user id `id`, contacts the `owner_id`."""

    id: str
    owner_id: str
    email: str
    first_name: str
    seat: bool = True
    inbox: bool = True
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workflow:
    """A contact workflow. It has two ids: the flow's, and the legacy id that the enrollment route takes."""

    flow_id: str
    legacy_id: str
    name: str
    trigger: str = ""  # the contact property that enrolls a contact when it becomes known
    unenrolls: bool = True


USERS = (
    User("7001", "90211", "anna@acme.example", "Anna", aliases=("anna@sales.acme.example",)),
    User("7002", "90212", "ben@acme.example", "Ben"),
    User("7003", "90213", "cleo@acme.example", "Cleo", seat=False),
    User("7004", "90214", "dan@acme.example", "Dan", inbox=False),
)

SEQUENCES = (
    Sequence("310001", "Demo request", 3),
    Sequence("310002", "Webinar follow-up", 2, owner="7002"),
    Sequence("310003", "Trial started", 1),
    Sequence("310004", "Ben's own", 2, owner="7002", private=True),
    Sequence("310005", "Call once", 1, kind="TASK"),
)

WORKFLOWS = (
    Workflow("910000", "5510000", "Unenroll from sequence", trigger="segue_unenroll"),
    Workflow("910001", "5510001", "Unenroll whoever is put in"),
    Workflow("910002", "5510002", "Newsletter", unenrolls=False),
)

_TEXTS = """
    email firstname lastname company phone jobtitle website city country hs_timezone segue_unenroll
""".split()  # noqa: SIM905  # names read better in a paragraph
_STAGES = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")
# Properties that HubSpot sets itself.
_SYSTEM: dict[str, Literal["string", "number", "datetime", "bool"]] = {
    "hs_object_id": "number",
    "createdate": "datetime",
    "lastmodifieddate": "datetime",
    "hs_sequences_is_enrolled": "bool",
    "hs_sequences_enrolled_count": "number",
    "hs_sequences_actively_enrolled_count": "number",
    "hs_latest_sequence_enrolled": "number",
    "hs_latest_sequence_enrolled_date": "datetime",
    "hs_latest_sequence_ended_date": "datetime",
    "hs_latest_sequence_finished_date": "datetime",
    "hs_latest_sequence_unenrolled_date": "datetime",
    "hs_sales_email_last_replied": "datetime",
    "hs_email_optout": "bool",
    "hs_additional_emails": "string",
    "hs_merged_object_ids": "string",
    "hs_calculated_merged_vids": "string",
}
_ALL = (
    *(ContactProperty(name=name) for name in _TEXTS),
    ContactProperty(name="numberofemployees", type="number"),
    ContactProperty(name="lifecyclestage", type="enumeration", options=(*_STAGES, "evangelist", "other")),
    ContactProperty(name="hubspot_owner_id", type="enumeration"),
    *(ContactProperty(name=name, type=kind, read_only=True) for name, kind in _SYSTEM.items()),
)
PROPERTIES = {each.name: each for each in _ALL}

_REFUSED = (
    ("una@lost.example", "Una", "Subscribed", "UNSUBSCRIBED"),
    ("pia@lost.example", "Pia", "Personal", "UNSUBSCRIBED_PERSONAL"),
    ("bo@lost.example", "Bo", "Unced", "BOUNCED"),
    ("rex@lost.example", "Rex", "Bounced", "RECIPIENT_PREVIOUSLY_BOUNCED"),
    ("abe@lost.example", "Abe", "Blocked", "BLOCKED_ADDRESS"),
    ("dom@blocked.example", "Dom", "Ain", "BLOCKED_DOMAIN"),
    ("sam@lost.example", "Sam", "Marked", "PREVIOUSLY_MARKED_AS_SPAM"),
    ("olga@lost.example", "Olga", "Other", "OTHER_SEND_REJECTED"),
    ("al@corp.example", "Al", "Ready", "ALREADY_ENROLLED"),
)
_NAMES = """
    Ada Bea Cid Dee Eve Fay Gus Hal Ida Jon Kim Lea Max Noa Ole Pam Quin Roy Sue Tim Uma Vic Wim Xia Yan Zoe Amy Ben
    Cat Don Eli Flo Gil Hugo Ivy Jan Kai Lou Mia Ned Olaf Pat Ray Sal Ted Ulf Val Wes Yul Zack
""".split()  # noqa: SIM905  # names read better in a paragraph

CONTACTS: tuple[tuple[str, str, str, str | None], ...] = (
    *((f"{name.lower()}@corp.example", name, "Corp", None) for name in _NAMES),
    *_REFUSED,
)
