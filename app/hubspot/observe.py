"""Log lines and metrics of the calls to HubSpot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from app.hubspot.client import CallRecord
    from app.observability.metrics import Metrics

log = structlog.get_logger(__name__)


def observe_call(metrics: Metrics, record: CallRecord) -> None:
    """Log and count one call to HubSpot: its route and how it ended, never a body."""
    metrics.hubspot_call(record.account, record.route, record.status, record.duration)
    if record.remaining is not None:
        metrics.rate_remaining(record.account, "window", record.remaining)
    if record.remaining_today is not None:
        metrics.rate_remaining(record.account, "daily", record.remaining_today)
    log.info(
        "hubspot.call",
        account=record.account,
        route=record.route,
        method=record.method,
        status=record.status,
        error_type=record.error_type,
        correlation_id=record.correlation_id,
        duration_ms=round(record.duration * 1000, 1),
    )
