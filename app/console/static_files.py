"""The files that a page loads: each under a name that its content gives, so that browsers may keep it for ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
YEAR_SECONDS = 31_536_000
HASH_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: the name by which pages ask for it, and what it holds."""

    name: str
    content: bytes
    media_type: str

    def response(self) -> Response:
        """Return the file, to be kept: another content has another name."""
        headers = {"Cache-Control": f"public, max-age={YEAR_SECONDS}, immutable"}
        return Response(self.content, headers=headers, media_type=self.media_type)


@cache
def static_files() -> dict[str, StaticFile]:
    """Return the files by their own name, `console.css`."""
    return {path.name: _read(path) for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}


def served() -> dict[str, StaticFile]:
    """Return the files by the name by which pages ask for them, `console.1f2e3d4c5b6a.css`."""
    return {file.name: file for file in static_files().values()}


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:HASH_CHARACTERS]
    return StaticFile(f"{path.stem}.{digest}{path.suffix}", content, TYPES[path.suffix])
