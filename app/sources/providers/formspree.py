"""Formspree: form submissions.

Source: help.formspree.io (Verify Webhook Signatures; Webhooks). A REST hook first sends an `X-Hook-Secret` that must be
echoed. The shape of the submission is not documented: its fields are found by their names, and `map:` names others.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from app.model import Delivery, Event, Response, SourceConfig
from app.sources.answers import answers_in
from app.sources.base import SignedProvider
from app.sources.fields import body_digest, find, instant
from app.sources.options import TimedOptions
from app.sources.person_fields import person_by_label
from app.sources.signing import Scheme

# The echo is a response header, so it must not contain what ends a header or begins another.
HOOK_SECRET = re.compile(r"[!-~]{1,200}")


class Formspree(SignedProvider):
    """No id is documented: the whole body, which holds a time, identifies a submission."""

    name = "formspree"
    header_prefixes = ("x-hook-secret",)
    Options = TimedOptions
    scheme = Scheme(
        header="formspree-signature",
        layout="pairs",
        template="{timestamp}.{body}",
        tolerance=timedelta(minutes=5),
    )

    def probe(self, delivery: Delivery, config: SourceConfig) -> Response | None:
        """Echo the hook's secret; a request that carries a signature is a delivery, whatever else it carries."""
        secret = delivery.headers.get("x-hook-secret", "")
        if HOOK_SECRET.fullmatch(secret) and self.scheme.header not in delivery.headers:
            return Response(content_type="text/plain; charset=utf-8", headers={"x-hook-secret": secret})
        return super().probe(delivery, config)

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event."""
        submission = found if isinstance(found := find(body, "submission"), dict) else body
        answers = answers_in({key: value for key, value in submission.items() if not key.startswith("_")})
        return Event(
            source=config.name,
            type="submission",
            dedupe=(body_digest(delivery.body),),
            occurred_at=instant(submission, "_date"),
            data=body,
            answers=answers,
            **person_by_label(answers.items()),
        )


PROVIDER = Formspree()
