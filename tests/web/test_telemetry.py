"""OpenTelemetry that something else in the process configures gets nothing of a request: queries hold addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable

PLACES = ((trace, "get_tracer_provider"), (metrics, "get_meter_provider"), (_logs, "get_logger_provider"))


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Configure the SDK's three signals for this process; return what was exported of them."""
    spans, points, lines = InMemorySpanExporter(), InMemoryMetricReader(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # it has no types
    tracers, meters, loggers = TracerProvider(), MeterProvider([points]), LoggerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(lines))
    # A provider can be set once in a process, so the functions that return it are replaced.
    for (module, name), provider in zip(PLACES, (tracers, meters, loggers), strict=True):
        monkeypatch.setattr(module, name, lambda chosen=provider: chosen)

    def read() -> str:
        found = [f"{span.name} {dict(span.attributes or {})}" for span in spans.get_finished_spans()]
        data = points.get_metrics_data()
        found += [data.to_json()] if data is not None and data.resource_metrics else []
        return "\n".join([*found, *(str(line.log_record) for line in lines.get_finished_logs())])

    return read


def router() -> APIRouter:
    routes = APIRouter()

    @routes.get("/people")
    async def people(email: str) -> str:
        if email == "broken":
            raise RuntimeError(email)
        return email

    return routes


async def ask(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://segue.example") as client:
        assert (await client.get("/people", params={"email": "ada@corp.example"})).status_code == 200
        assert (await client.get("/people")).status_code == 422
        assert (await client.get("/people", params={"email": "broken"})).status_code == 500


async def test_a_bare_application_would_export_the_query(exported: Callable[[], str]) -> None:
    app = FastAPI()
    app.include_router(router())
    await ask(app)
    assert "corp.example" in exported()
    assert "http.server.request.duration" in exported()


async def test_segue_exports_nothing(exported: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    await ask(create_app([router()]))
    assert exported() == ""
