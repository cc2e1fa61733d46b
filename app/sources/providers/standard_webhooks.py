"""Standard Webhooks: one scheme for every system that can sign, in-house ones included.

Source: the specification and reference libraries of github.com/standard-webhooks.
"""

from __future__ import annotations

from app.sources.standard_scheme import StandardProvider


class StandardWebhooks(StandardProvider):
    """Headers `webhook-id`, `webhook-timestamp` and `webhook-signature`; Svix's names are read as well."""

    name = "standard-webhooks"
    prefix = "webhook"


PROVIDER = StandardWebhooks()
