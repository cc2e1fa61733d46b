"""The operators' tokens as they are written, `name role token`, and what each role may do."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

MINIMUM_LENGTH = 32
MINIMUM_DIFFERENT = 8  # characters; 32 random hexadecimal digits have fewer once in a hundred million times
PER_NAME = 2  # the old one and the new one, while a token is replaced
RESERVED = frozenset({"cli", "system", "browser", "stranger"})  # other actors in the audit log
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,512}")  # what a bearer token may hold (RFC 6750, 2.1), and is no separator
_PLACEHOLDER = re.compile(r"change.?me|replace.?me|your.?token|placeholder|example|password|x{8}|0{8}", re.IGNORECASE)


class Role(StrEnum):
    """What a token may do: each role may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        """Return whether this role does for a route that needs `needed`."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Token:
    """One operator's token: its name, its role and its SHA-256. The token itself is not kept."""

    name: str
    role: Role
    digest: bytes


def digest_of(token: str) -> bytes:
    """Return the SHA-256 of a token. A token is long and random, so that a slow hash would add nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def found(tokens: tuple[Token, ...], digest: bytes) -> Token | None:
    """Return the token with this digest. Every token is compared, each in constant time."""
    match: Token | None = None
    for token in tokens:
        if hmac.compare_digest(token.digest, digest):
            match = token
    return match


def read_tokens(text: str) -> tuple[Token, ...]:
    """Return the tokens of `name role token` lines; commas separate, too. Raises ValueError, which shows no token."""
    lines = [line.split("#")[0].strip() for line in re.split(r"[\n,]", text)]
    tokens = tuple(_read(number, line) for number, line in enumerate(lines, start=1) if line)
    roles = {token.name: {other.role for other in tokens if other.name == token.name} for token in tokens}
    if twofold := sorted(name for name, given in roles.items() if len(given) > 1):
        raise ValueError(f"{twofold[0]} has two roles; give each role a name of its own")
    counts = Counter(token.name for token in tokens)
    if crowded := sorted(name for name, count in counts.items() if count > PER_NAME):
        raise ValueError(f"{crowded[0]} has more than {PER_NAME} tokens; take the oldest out")
    if len({token.digest for token in tokens}) < len(tokens):
        raise ValueError("one token stands there twice; make another one with `segue new-token`")
    return tokens


def is_name(name: str) -> bool:
    """Return whether an operator may have this name."""
    return _NAME.fullmatch(name) is not None and name not in RESERVED


def read_role_values(text: str) -> tuple[tuple[Role, str], ...]:
    """Return the roles of an identity provider's values, from `role value` lines; commas separate, too.

    A value may hold blanks. Raises ValueError.
    """
    entries = [entry.strip() for entry in re.split(r"[\n,]", text)]
    return tuple(_role_value(number, entry) for number, entry in enumerate(entries, start=1) if entry)


def _role_value(number: int, entry: str) -> tuple[Role, str]:
    role, _, value = entry.partition(" ")
    if role not in list(Role) or not value.strip():
        raise ValueError(f"entry {number}: write `role value`, where the role is {', '.join(Role)}")
    return Role(role), value.strip()


def _read(number: int, line: str) -> Token:
    where = f"entry {number}"
    parts = line.split()
    if len(parts) != len(("name", "role", "token")):
        raise ValueError(f"{where}: write `name role token`, as `segue new-token` prints it")
    name, role, token = parts
    if not is_name(name):
        raise ValueError(f"{where}: its name must be of a-z, 0-9, `.`, `_` and `-`, and none of {sorted(RESERVED)}")
    if role not in list(Role):
        raise ValueError(f"{where} ({name}): its role must be {', '.join(Role)}")
    if trouble := _weak(token):
        raise ValueError(f"{where} ({name}): its token {trouble}; make one with `segue new-token`")
    return Token(name, Role(role), digest_of(token))


def _weak(token: str) -> str | None:
    if not _TOKEN.fullmatch(token):
        return "has characters that a bearer token cannot have"
    if len(token) < MINIMUM_LENGTH:
        return f"is shorter than {MINIMUM_LENGTH} characters"
    if _PLACEHOLDER.search(token) or len(set(token)) < MINIMUM_DIFFERENT:
        return "is a placeholder"
    return None
