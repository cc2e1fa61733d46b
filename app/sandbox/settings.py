"""What can be set, at start and while it runs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Times are in seconds unless their name says milliseconds; delays are by route name (upsert, enroll, ...)."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    version: str = "2026-03"
    token: str = "pat-sandbox"  # noqa: S105  # an emulator's, worth nothing
    property_lag: float = Field(0.0, ge=0, description="Until sequence properties show what has happened")
    one_step_seconds: float = Field(20.0, gt=0, description="Until a one-step sequence has ended")
    delay_ms: dict[str, float] = Field(default={}, description="Before a request is processed")
    delay_after_ms: dict[str, float] = Field(default={}, description="Between processing a request and its answer")
    per_10s: int = Field(190, ge=1, description="Requests in any window")
    window_ms: int = Field(10_000, ge=1)
    daily: int = Field(625_000, ge=0)
    send_limit: int = Field(1000, ge=0, description="Enrollments per inbox in 24 hours")
