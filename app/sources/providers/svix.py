"""Svix: webhooks of the many products that send through it.

Source: docs.svix.com (verifying payloads) and its libraries. White-labelled senders use the names of Standard Webhooks.
"""

from __future__ import annotations

from app.sources.standard_scheme import StandardProvider


class Svix(StandardProvider):
    """Headers `svix-id`, `svix-timestamp` and `svix-signature`; those of Standard Webhooks are read as well."""

    name = "svix"
    prefix = "svix"


PROVIDER = Svix()
