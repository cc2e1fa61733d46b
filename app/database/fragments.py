"""Fragments of SQL that statements of several rooms contain."""

from __future__ import annotations

# Enrollments that are released together start ten per second, the oldest first, which leaves HubSpot capacity for
# others.
ONE_AFTER_THE_OTHER = "clock_timestamp() + (row_number() OVER (ORDER BY id) - 1) * interval '100 milliseconds'"
