"""Parts of statements that several rooms put into theirs."""

from __future__ import annotations

# Many who may go at once go ten a second, the oldest first: that leaves HubSpot room for others.
ONE_AFTER_THE_OTHER = "clock_timestamp() + (row_number() OVER (ORDER BY id) - 1) * interval '100 milliseconds'"
