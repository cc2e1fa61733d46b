"""The gauge of silent sources."""

from __future__ import annotations

from app.observability.metrics import Metrics


def test_a_source_that_left_the_rules_has_no_gauge() -> None:
    metrics = Metrics()
    metrics.silent_sources({"crm": True, "web": False})
    assert b'segue_source_silent{source="crm"} 1.0' in metrics.page()
    metrics.silent_sources({"web": True})
    page = metrics.page()
    assert b'segue_source_silent{source="crm"}' not in page
    assert b'segue_source_silent{source="web"} 1.0' in page
