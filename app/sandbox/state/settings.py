"""Settings, changed at the start or while the sandbox runs; each account has its own."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.sandbox.state.contact_properties import ContactProperty


class Settings(BaseModel):
    """Times are in seconds unless their name says milliseconds; delays are by route name (upsert, enroll, ...)."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    version: str = Field("2026-03", description="HubSpot's version in the paths; it counts at the start")
    token: str = Field("pat-sandbox", description="The account's, with every scope; worth nothing elsewhere")
    property_lag: float = Field(0.0, ge=0, description="Until sequence properties show what has happened")
    one_step_seconds: float = Field(20.0, gt=0, description="Until a one-step sequence has ended")
    delay_ms: dict[str, float] = Field(default={}, description="Before a request is processed")
    delay_after_ms: dict[str, float] = Field(default={}, description="Between processing a request and its answer")
    per_10s: int = Field(190, ge=1, description="Requests in any window")
    window_ms: int = Field(10_000, ge=1, description="How long a window is, in milliseconds")
    daily: int = Field(625_000, ge=0, description="Requests from midnight to midnight")
    send_limit: int = Field(1000, ge=0, description="Enrollments per inbox in 24 hours")
    timezone: str = Field("UTC", description="The account's: its day ends at midnight there")
    extra_properties: list[str | ContactProperty] = Field(
        default=[], description="Contact properties that exist besides the seeded ones: names, or definitions (below)"
    )
    unnamed_properties: bool = Field(default=False, description="Whether a refused property is not named in its error")
    sender_refusals: Literal[400, 403] = Field(
        400, description="The status for a user without a seat or inbox: which one HubSpot gives is not confirmed"
    )
    whole_upserts: bool = Field(default=False, description="Whether an upsert with one bad input is refused whole")
    gdpr: bool = Field(default=False, description="Whether data privacy settings are on: a legal basis is required")
    oauth_client_id: str = Field("sandbox-client", description="The app's")
    oauth_client_secret: str = Field("sandbox-client-secret", description="The app's; worth nothing elsewhere")
    oauth_expires_in: int = Field(1800, ge=1, description="Until an access token has expired")
    oauth_rotates: bool = Field(default=False, description="Whether a refresh brings a new refresh token, too")
    oauth_per_10s: int = Field(110, ge=1, description="Requests of an OAuth app in any window")
    search_per_second: int = Field(5, ge=1, description="Searches in any second")
    search_lag: float = Field(0.0, ge=0, description="Until search finds what has changed")
    bridge_seconds: float = Field(80.0, ge=0, description="Until a workflow that a property triggers has unenrolled")
    workflow_seconds: float = Field(0.0, ge=0, description="Until a workflow unenrolls a contact that was put into it")
    webhook_duplicates: bool = Field(default=False, description="Whether every batch of webhooks is delivered twice")
    webhook_attempts: int = Field(4, ge=1, le=11, description="How often a batch is tried; HubSpot tries for a day")
    webhook_retry_seconds: float = Field(1.0, ge=0, description="Between the attempts")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError) as error:
            raise ValueError("no such time zone") from error
        return name
