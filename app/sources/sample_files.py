"""The samples that come with Segue: one delivery of each provider as it would be sent, for trying a source out."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.errors import StartError
from app.model import Secret, SourceConfig

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.sources.base import Provider

FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One made-up delivery: `headers` (lower case) are those that prove nothing; `email` and `id` are the event's."""

    name: str
    method: str
    query: str
    headers: Mapping[str, str]
    body: str
    email: str | None
    id: str | None

    def about(self, email: str) -> Sample:
        """Return the sample with another person's address."""
        return self._with("email", self.email, email) if self.email else self

    def anew(self) -> Sample:
        """Return the sample with an id that no delivery had before. Raises StartError where it has none to change."""
        if self.id is None or self.id not in self.body + str(self.headers):
            raise StartError("--new: this provider's events are told by their content, which is the same each time")
        fresh = str(secrets.randbelow(10**15)) if self.id.isdecimal() else f"{self.id}-{secrets.token_hex(4)}"
        return self._with("id", self.id, fresh)

    def _with(self, field: str, before: str | None, after: str) -> Sample:
        assert before is not None  # noqa: S101  # both callers have looked
        facts: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        body = self.body.replace(before, after).replace(quote(before), quote(after))
        headers = {name: value.replace(before, after) for name, value in self.headers.items()}
        query = self.query.replace(quote(before), quote(after))
        return Sample(**facts | {"body": body, "headers": headers, "query": query, field: after})


def samples(provider: Provider, now: datetime) -> list[Sample]:
    """Return the provider's samples that are deliveries, in the order of their files."""
    tops = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / provider.name).glob("*.json"))]
    cases = [case for top in tops for case in (top, *top["more_cases"])]
    return [_sample(case, provider, now) for case in cases if _is_delivery(case)]


def _is_delivery(case: dict[str, Any]) -> bool:
    return bool(case["expected"]["valid"] and case.get("event"))


def _sample(case: dict[str, Any], provider: Provider, now: datetime) -> Sample:
    """Return the case without what proved it: that is made anew with the source's own secret."""
    options = provider.Options.model_validate(case.get("options", {}))
    config = SourceConfig("sample", provider.name, (Secret(case["secret"]),), options)
    proving = provider.sign(b"{}", config, now, method="POST", url=case["url"])
    headers = {name.lower(): value for name, value in case["headers"].items()}
    return Sample(
        name=case["case"],
        method=case["method"],
        query=case["url"].partition("?")[2],
        headers={name: value for name, value in headers.items() if name not in proving},
        body=case["body"],
        email=case["event"]["email"],
        id=case["event"]["id"],
    )
