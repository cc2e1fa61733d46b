"""Where the database may hold a person, column by column; a test requires a line for each column of the schema. Pure.

`OWN` columns hold the person of the row: forgetting empties them, or deletes the row. `SEARCHED` ones may mention any
person: forgetting looks for the address in them, too. All others hold no person, and `IMPERSONAL` says what they hold.
"""

from __future__ import annotations

OWN = {
    "deliveries": "url headers body",
    "refused_deliveries": "url headers body reason",
    "events": "email first_name last_name name company provider_id data answers",
    "decisions": "email reason facts",
    "enrollments": "email plan properties assignment detail contact_id occupied_contact_id hubspot_enrollment_id"
    " baseline_count baseline_sequence baseline_date",
    "journal": "detail",
    "intents": "email",
    "sticky_senders": "subject",
    "suppressions": "value reason",
    "outbound": "body last_error attempts",
    "forgettings": "person",
    "inventories": "person",
    "enrichments": "reason detail",
}
# Rows of these go wholly where the address is mentioned: they hold raw requests.
DELETED = {"deliveries": "url headers body", "refused_deliveries": "url headers body reason"}
SEARCHED = {
    "events": "type provider_id first_name last_name name company data answers",
    "enrichments": "reason detail",
    "decisions": "reason facts",
    "enrollments": "properties reason detail ended_why",
    "journal": "cause detail",
    "suppressions": "reason",
    "outbound": "body last_error attempts",
    "outbound_endpoints": "last_error",
    "sender_pauses": "reason",
    "follow_turns": "refused",
    "oauth_grants": "detail",
}

_IDS = "ids that Segue makes"
_TIMES = "times"
_NUMBERS = "numbers, states and leases of Segue's own work"
_RULES = "names from the rules file"
_OPERATORS = "operators, by the names of their tokens, and where they work"
_STAFF = "senders, owners and users of HubSpot: the operator's own people, who stand in the rules or in HubSpot"
IMPERSONAL = {
    "deliveries": {_IDS: "id", _TIMES: "received_at", _RULES: "source", "what was called": "provider method"},
    "refused_deliveries": {
        _IDS: "id", _TIMES: "received_at", _RULES: "source", "what was called, and the answer": "status method"
    },
    "event_keys": {
        _IDS: "event_id delivery_id", _TIMES: "seen_at", _RULES: "source",
        "a digest that tells a provider's late retry from a new event": "key",
    },
    "events": {
        _IDS: "id delivery_id", _TIMES: "received_at occurred_at last_repeated_at", _RULES: "source",
        _NUMBERS: "exit repeats",
    },
    "enrichments": {
        _IDS: "event_id delivery_id", _TIMES: "due_at first_failed_at leased_until created_at updated_at",
        _RULES: "source", _NUMBERS: "state attempt tries leased_by",
    },
    "decisions": {
        _IDS: "id event_id delivery_id enrollment_id replaces", _TIMES: "decided_at",
        _RULES: "source rule line revision", _NUMBERS: "verdict",
    },
    "enrollments": {
        _IDS: "id decision_id event_id delivery_id",
        _TIMES: "expires_at received_at heard_at created_at updated_at due_at first_failed_at leased_until sending_at"
        " first_sending_at enrolled_at confirm_at triggered_at triggered_until follow_at hinted_at unclear_since"
        " ended_at ended_seen_at replied_at",
        _RULES: "source rule account sequence intent require",
        _STAFF: "sender sender_user_id sender_email gave_owner",
        _NUMBERS: "priority state attempt tries leased_by step reads resends confirmation looks ended ended_known"
        " restores_seen",
    },
    "follow_turns": {
        _RULES: "account", _TIMES: "leased_until search_at since until calls", _NUMBERS: "turn leased_by",
        "the contact's number at which a search goes on, replaced within minutes, and nothing beside it": "beyond",
    },
    "journal": {_IDS: "id enrollment_id", _TIMES: "at", _NUMBERS: "before after step attempt"},
    "intents": {_RULES: "account intent", _IDS: "enrollment_id", _TIMES: "until"},
    "installation": {"keys of this installation": "name value"},
    "restores": {_NUMBERS: "number", _TIMES: "since until"},
    "rate_windows": {
        _RULES: "account", _NUMBERS: "kind maximum window_ms", _TIMES: "blocked_until", "HubSpot's policy": "blocked_by"
    },
    "rate_days": {_RULES: "account", _TIMES: "ends_at", _NUMBERS: "used"},
    "rate_grants": {_RULES: "account", _TIMES: "granted_at", _NUMBERS: "id kind count waited"},
    "inboxes": {_RULES: "account", _STAFF: "inbox"},
    "sender_reservations": {_IDS: "enrollment_id", _RULES: "account", _STAFF: "inbox", _TIMES: "reserved_at"},
    "pool_turns": {_RULES: "account pool", _NUMBERS: "turn"},
    "sticky_senders": {_RULES: "account pool", _STAFF: "sender", _TIMES: "chosen_at"},
    "forgotten": {
        "keyed hashes, from which no address can be read": "key", _NUMBERS: "kind", _IDS: "forgetting_id",
        _TIMES: "forgotten_at",
    },
    "forgettings": {
        _IDS: "id", _NUMBERS: "requested_by counts", _TIMES: "requested_at done_at",
    },
    "inventories": {
        "a keyed hash, from which no address can be read": "key", _IDS: "id", _OPERATORS: "asked_by",
        _TIMES: "asked_at leased_until done_at", _NUMBERS: "attempt counts error",
        "counts, and ids of rows up to which tables were looked through": "found",
    },
    "suppressions": {
        _NUMBERS: "kind number", _TIMES: "created_at", _OPERATORS: "added_by",
        "patterns, which stand for many people": "fits",
    },
    "sender_pauses": {_RULES: "account", _STAFF: "inbox sender user_id", _TIMES: "paused_at full_until",
                      _NUMBERS: "refusals", _OPERATORS: "paused_by"},
    "rulebooks": {
        "the operator's own file, which is not changed here": "documents",
        _RULES: "number revision accounts", _TIMES: "stored_at", _OPERATORS: "installed_by",
    },
    "rejected_rules": {_TIMES: "at", _OPERATORS: "rejected_by origin", _RULES: "name mistakes"},
    "doctor_runs": {
        _IDS: "id", _RULES: "account", _OPERATORS: "asked_by", _TIMES: "asked_at leased_until done_at",
        _NUMBERS: "state attempt leased_by", _STAFF: "findings detail",
    },
    "hubspot_accounts": {_RULES: "account", "which portal it is": "portal_id timezone", _TIMES: "learnt_at"},
    "catalogue_listings": {
        _RULES: "account", _NUMBERS: "what", _TIMES: "read_at",
        "sequences and owners of HubSpot: the operator's own people": "items",
    },
    "oauth_grants": {
        _RULES: "account", _STAFF: "user_id", "tokens, encrypted, and what they allow": "access_token refresh_token"
        " scopes hub_id", _TIMES: "expires_at leased_until updated_at", _NUMBERS: "expires_in state version leased_by",
    },
    "oauth_installs": {
        "hashed tickets of the operator's people, for ten minutes": "key code_verifier redirect_uri",
        _RULES: "account", _NUMBERS: "kind", _TIMES: "created_at expires_at",
    },
    "console_sessions": {
        "hashed cookies, and marks of operators' tokens": "sha256 token_mark",
        "the operator's own people who are signed in, until their session ends": "subject name role way zone",
        _TIMES: "created_at seen_at expires_at",
    },
    "console_logins": {
        "hashed states of the operator's people, for ten minutes": "state_sha256", "a path of the console": "return_to",
        _TIMES: "created_at",
    },
    "console_forms": {
        "hashed keys of forms, for a day": "sha256 turn",
        "a path of the console, and a sentence in which people are masked": "location message", _TIMES: "sent_at",
    },
    "console_links": {
        "hashed links for the operator's people, for ten minutes": "sha256 role name", _TIMES: "created_at expires_at",
    },
    "outbound": {
        _IDS: "id enrollment_id", _RULES: "endpoint", _NUMBERS: "kind state attempt tries leased_by last_status",
        _TIMES: "due_at leased_until delivered_at created_at updated_at",
    },
    "audit": {
        _IDS: "id", _TIMES: "at", "operators, from where, and what they did: people in it are masked":
        "who role origin what target before after revision", _NUMBERS: "outcome status",
    },
    "tallies": {
        _TIMES: "hour", _RULES: "source rule account sequence", _STAFF: "sender", _NUMBERS: "stage known n",
        "classes of reasons, and types of events without addresses": "reason",
    },
    "tally_counters": {_TIMES: "hour last_at", _RULES: "source", _NUMBERS: "result reason run n"},
    "tally_state": {
        _NUMBERS: "name turn leased_by cursor",
        _TIMES: "leased_until decided_until rebuild_next frozen_before ran_at",
    },
    "bulk_jobs": {
        _IDS: "id cursor", _TIMES: "created_at started_at finished_at due_at leased_until measured_from",
        _NUMBERS: "kind state total done outcomes attempt leased_by done_before error",
        "operators, from where, and what they asked for and why: people in it are masked":
        "asked_by role origin reason filter",
    },
    "outbound_endpoints": {
        _RULES: "endpoint", _NUMBERS: "fingerprint failures openings",
        _TIMES: "open_until probing_until disabled_at last_success_at last_error_at",
    },
}  # fmt: skip
