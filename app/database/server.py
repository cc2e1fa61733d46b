"""Which PostgreSQL runs, where its programs are from, and what speaks against it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

OLDEST_MAJOR = 15
# The days of each major's last release: https://www.postgresql.org/support/versioning/
END_OF_SUPPORT = {
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
# The minor of each major that the locked package has, or a later one: earlier ones have published vulnerabilities.
OLDEST_MINOR = {18: 6}


@dataclass(frozen=True, slots=True)
class Server:
    """A server's version as (major, minor), and in words where its programs are from."""

    version: tuple[int, int]
    origin: str

    @property
    def number(self) -> str:
        """The version as PostgreSQL writes it."""
        return ".".join(map(str, self.version))

    def __str__(self) -> str:
        """Return the version and the origin, for a sentence."""
        return f"PostgreSQL {self.number} ({self.origin})"


def version_of_number(number: int) -> tuple[int, int]:
    """Return (major, minor) of `server_version_num`."""
    return divmod(number, 10_000)


def concern(version: tuple[int, int], today: date) -> str | None:
    """Return what speaks against running this version, None for nothing."""
    major, minor = version
    if major in END_OF_SUPPORT and END_OF_SUPPORT[major] < today:
        return f"PostgreSQL {major} had its last security fixes on {END_OF_SUPPORT[major]}"
    if minor < OLDEST_MINOR.get(major, 0):
        return f"PostgreSQL {major}.{minor} lacks security fixes that {major}.{OLDEST_MINOR[major]} has"
    return None
