"""Characters that a reader does not see: pages and chats put them into addresses that people copy from them. Pure."""

from __future__ import annotations

import re

# Unicode's property Default_Ignorable_Code_Point (DerivedCoreProperties.txt, 16.0): the soft hyphen, zero-width and
# bidirectional characters, byte order marks, variation selectors, tags. No address has a use for any of them but the
# two joiners, which tell words of some scripts apart: IDNA 2008 permits them there.
_JOINERS = re.compile("[\u200c\u200d]")
_OTHERS = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """Return `text` without characters that are not seen, trimmed; joiners stay."""
    return (text if text.isascii() else _OTHERS.sub("", text)).strip()


def without_joiners(text: str) -> str:
    """Return `text` without zero-width joiners and non-joiners, trimmed."""
    return (text if text.isascii() else _JOINERS.sub("", text)).strip()


def has_invisible(text: str) -> bool:
    """Tell whether `text` has a character that is not seen, other than space at its ends."""
    return not text.isascii() and bool(_OTHERS.search(text) or _JOINERS.search(text))
