"""Fragments of SQL that statements of several rooms contain."""

from __future__ import annotations

# Enrollments that are released together start ten per second, the oldest first, which leaves HubSpot capacity for
# others.
ONE_AFTER_THE_OTHER = "clock_timestamp() + (row_number() OVER (ORDER BY id) - 1) * interval '100 milliseconds'"

# A request was sent that HubSpot did not refuse. For putting a contact into a workflow there is no other sign.
MAY_HAVE_BEEN_SENT = """
    (first_sending_at IS NOT NULL OR (plan->>'action' IS NOT DISTINCT FROM 'workflow' AND triggered_at IS NOT NULL))
"""
