"""The sources of the rules in force as operators read them: how each is proved, where it posts to, what came of it.

No secret is shown: where it stands in the URL, a word stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.errors import StartError
from app.sources import PROVIDERS
from app.sources.sample_files import samples
from app.sources.signing import has_expired

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.model import Secret, SourceConfig
    from app.rules.rulebook import Rulebook

SECRET = "SECRET"  # noqa: S105  # what stands for one
ROOM = "/webhooks/"


@dataclass(frozen=True, slots=True)
class SourceSecret:
    """One accepted secret, by its place in the file: until when it is accepted, and whether that has passed."""

    number: int
    not_after: datetime | None
    expired: bool


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source.

    `url` is what its sender posts to, None where SEGUE_PUBLIC_URL is not set; a secret that ends it is shown as
    `SECRET`. `proof` says how a delivery is proved, and `covers` what of it. `received_at` is when the last event came
    that is stored; `rejected` is the number of rejected deliveries that are kept, the last of which is described.
    """

    name: str
    provider: str
    account: str | None
    path: str
    url: str | None
    proof: str
    covers: str
    rules: tuple[str, ...]
    received_at: datetime | None
    rejected_at: datetime | None
    rejected_status: int | None
    rejected_reason: str | None
    rejected: int


def source_view(
    config: SourceConfig, book: Rulebook, last: Mapping[str, Any], *, public_url: str | None, now: datetime
) -> SourceView:
    """Return a source with what is known of its last deliveries (`last`)."""
    path = path_of(config, now)
    proof = PROVIDERS[config.provider].proof(config)
    return SourceView(
        name=config.name,
        provider=config.provider,
        account=config.account,
        path=path,
        url=None if public_url is None else f"{public_url}{path}",
        proof=proof.how,
        covers=proof.covers,
        rules=tuple(rule.id for rule in book.rules if rule.source == config.name),
        received_at=last.get("received_at"),
        rejected_at=last.get("rejected_at"),
        rejected_status=last.get("status"),
        rejected_reason=last.get("reason"),
        rejected=last.get("rejected", 0),
    )


def path_of(config: SourceConfig, now: datetime) -> str:
    """Return the path that a sender posts to, with a word in place of a secret that stands in it."""
    plain = f"{ROOM}{config.name}"
    try:
        called = PROVIDERS[config.provider].address(plain, config, now)
    except StartError:  # no secret is in force: the check of a delivery says so
        return f"{plain}/{SECRET}"
    return plain if called == plain else f"{plain}/{SECRET}"


def secrets_of(config: SourceConfig, now: datetime) -> tuple[SourceSecret, ...]:
    """Return the secrets of a source, without their values."""
    return tuple(_secret(number, secret, now) for number, secret in enumerate(config.secrets, start=1))


def _secret(number: int, secret: Secret, now: datetime) -> SourceSecret:
    return SourceSecret(number, secret.not_after, expired=has_expired(secret, now))


def sample_names(config: SourceConfig, now: datetime) -> tuple[str, ...]:
    """Return the names of the samples that can be sent to a source."""
    return tuple(sample.name for sample in samples(PROVIDERS[config.provider], now))
