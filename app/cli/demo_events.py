"""Made-up events of six tools, in the shapes that those tools send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

PEOPLE = "ada bea cid dee eve fay gus hal ida jon kim lea max noa ole pam"
WHEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """One event to send: `tampered` changes a byte after signing, `repeats` sends it again."""

    source: str
    title: str
    body: dict[str, Any]
    tampered: bool = False
    repeats: int = 0


def demo_form(number: int, email: str, first_name: str, employees: int, **more: Any) -> Sample:
    """Return an answered form."""
    answers = [
        {"type": "email", "email": email, "field": {"id": "a1", "type": "email", "ref": "email"}},
        {"type": "text", "text": first_name, "field": {"id": "a2", "type": "short_text", "ref": "first_name"}},
        {"type": "number", "number": employees, "field": {"id": "a3", "type": "number", "ref": "employees"}},
    ]
    form = {
        "form_id": "lT4Z3j",
        "token": f"demo{number:04d}",
        "submitted_at": WHEN.isoformat(),
        "definition": {
            "id": "lT4Z3j",
            "title": "Ask for a demo",
            "fields": [
                {"id": "a1", "ref": "email", "type": "email", "title": "Your e-mail"},
                {"id": "a2", "ref": "first_name", "type": "short_text", "title": "First name"},
                {"id": "a3", "ref": "employees", "type": "number", "title": "How many employees?"},
            ],
        },
        "answers": answers,
    }
    body = {"event_id": f"01DEMO{number:04d}", "event_type": "form_response", "form_response": form}
    return Sample("demo-form", f"demo form, {employees} employees", body, **more)


def webinar(number: int, email: str, first_name: str, **more: Any) -> Sample:
    """Return a webinar registration."""
    registrant = {"id": f"reg{number}", "email": email, "first_name": first_name, "last_name": "Corp"}
    body = {
        "event": "webinar.registration_created",
        "event_ts": int(WHEN.timestamp() * 1000) + number,
        "payload": {
            "account_id": "acc1",
            "object": {"uuid": f"web{number}", "id": "99", "topic": "Live", "registrant": registrant},
        },
    }
    return Sample("webinar", "webinar registration", body, **more)


def product(number: int, email: str, event: str, **more: Any) -> Sample:
    """Return a tracked product event."""
    body = {
        "type": "track",
        "event": event,
        "messageId": f"ajs-{number:06d}",
        "userId": f"u{number}",
        "timestamp": WHEN.isoformat(),
        "context": {"traits": {"email": email}},
        "properties": {"plan": "pro"},
    }
    return Sample("product", f"product: {event}", body, **more)


def crm(number: int, email: str, first_name: str, score: int, **more: Any) -> Sample:
    """Return a lead of the home-grown CRM."""
    data = {"lead": number, "email": email, "first_name": first_name, "score": score}
    body = {"type": "lead.qualified", "timestamp": WHEN.isoformat(), "data": data}
    return Sample("crm", f"CRM lead, score {score}", body, **more)


def meeting(number: int, email: str, **more: Any) -> Sample:
    """Return a booked meeting."""
    uri = f"https://api.calendly.com/scheduled_events/E{number}/invitees/I{number}"
    payload = {"uri": uri, "email": email, "name": "Booked Person", "first_name": None, "last_name": None}
    body = {"event": "invitee.created", "created_at": WHEN.isoformat(), "payload": payload}
    return Sample("meetings", "meeting booked", body, **more)


def checkout(number: int, email: str, **more: Any) -> Sample:
    """Return an abandoned checkout."""
    session = {"id": f"cs_{number}", "object": "checkout.session", "customer_details": {"email": email}}
    body = {
        "id": f"evt_demo{number:04d}",
        "object": "event",
        "type": "checkout.session.expired",
        "created": int(WHEN.timestamp()),
        "data": {"object": session},
    }
    return Sample("billing", "checkout abandoned", body, **more)


def all_samples() -> list[Sample]:
    """Return what the demonstration sends: matches, no matches, duplicates, refusals and a forgery."""
    people = PEOPLE.split()
    at = {name: f"{name}@corp.example" for name in people}
    forms = [demo_form(n, at[name], name.title(), 40 + 10 * n) for n, name in enumerate(people[:6])]
    forms += [demo_form(20, "cy@gmail.com", "Cy", 900), demo_form(21, "tiny@small.example", "Tiny", 2)]
    forms += [demo_form(22, "una@lost.example", "Una", 90), demo_form(23, "bo@lost.example", "Bo", 90)]
    forms += [
        demo_form(24, "eve@corp.example", "Eve", 70, repeats=2),
        demo_form(25, "mallory@evil.example", "M", 80, tampered=True),
    ]
    forms += [demo_form(26, "nameless@corp.example", "", 75)]
    webinars = [webinar(n, at[name], name.title()) for n, name in enumerate(people[6:11])]
    webinars += [webinar(20, "dom@blocked.example", "Dom"), webinar(21, at["gus"], "Gus")]
    trials = [product(n, at[name], "Trial Started") for n, name in enumerate(people[11:15])]
    trials += [product(30 + n, at[name], "Page Viewed") for n, name in enumerate(people[:5])]
    leads = [crm(n, f"lead{n}@corp.example", f"Lead{n}", 45 + 10 * n) for n in range(4)]
    leads += [crm(9, at["ada"], "Ada", 99, repeats=1), crm(10, "al@corp.example", "Al", 95)]
    meetings = [meeting(n, at[name]) for n, name in enumerate(people[14:16])]
    checkouts = [checkout(1, "wes@corp.example"), checkout(2, "sam@lost.example", repeats=1), checkout(3, "")]
    return [*forms, *webinars, *trials, *leads, *meetings, *checkouts]
