"""The samples that come with Segue: deliveries of each provider as it would send them, for trying out a source."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.model import Secret, SourceConfig
from app.sources.readdressing import readdressed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from app.sources.base import Provider

FOLDER = Path(__file__).parent / "samples"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Sample:
    """One delivery to send: `headers` (lower case) are those without a proof."""

    name: str
    method: str
    query: str
    headers: Mapping[str, str]
    body: str

    @property
    def is_form(self) -> bool:
        """Whether the body is form-encoded."""
        return self.headers.get("content-type", "").lower().startswith(FORM)

    def about(self, email: str, addresses: Collection[str]) -> Sample:
        """Return the sample with `email` in place of each of `addresses`."""
        return replace(
            self,
            body=readdressed(self.body, addresses, email, form=self.is_form),
            headers={name: readdressed(value, addresses, email) for name, value in self.headers.items()},
            query=readdressed(self.query, addresses, email, form=True),
        )


def samples(provider: Provider, now: datetime) -> list[Sample]:
    """Return the provider's samples that are deliveries, in the order of their files."""
    tops = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / provider.name).glob("*.json"))]
    cases = [case for top in tops for case in (top, *top["more_cases"])]
    return [_sample(case, provider, now) for case in cases if _is_delivery(case)]


def _is_delivery(case: dict[str, Any]) -> bool:
    return bool(case["expected"]["valid"] and case.get("event"))


def _sample(case: dict[str, Any], provider: Provider, now: datetime) -> Sample:
    """Return the case without its proof, which the caller makes with the source's own secret."""
    options = provider.Options.model_validate(case.get("options", {}))
    config = SourceConfig("sample", provider.name, (Secret(case["secret"]),), options)
    proof = provider.sign(b"{}", config, now, method="POST", url=case["url"])
    headers = {name.lower(): value for name, value in case["headers"].items()}
    return Sample(
        name=case["case"],
        method=case["method"],
        query=case["url"].partition("?")[2],
        headers={name: value for name, value in headers.items() if name not in proof},
        body=case["body"],
    )
