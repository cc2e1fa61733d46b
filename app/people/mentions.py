r"""How an address may stand in what is stored: as patterns of PostgreSQL's regular expressions. Pure.

Each sign of it may be encoded: as in URLs and forms (`%40`), in JSON (`\u0040`), in HTML (`&#64;`), once or more often;
the domain in letters or in ASCII. A raw body is shown by `encode(bytes, 'escape')`, and may be Base64, too.

What is no address, such as `none` that a tool sent instead, is looked for nowhere.
"""

from __future__ import annotations

import re
import string
from functools import cache
from html.entities import codepoint2name
from urllib.parse import quote

import idna

_OF_ADDRESS = "a-z0-9._%+-"
# What may stand before an address and is no part of it, although its last sign might be: `\n`, `\u003c`, `%3D`, and in
# a raw body the octal digits of a byte.
_ESCAPES = r"\\[nrtbf]|\\u[0-9a-f]{4}|%(?:25)*[0-9a-f]{2}"
_OCTAL = r"\\[0-7]{3}"
# JSON's own escapes stay whole, or the rest would be no JSON: of `\nora@x.example` only `ora@x.example` is an address.
_NO_ESCAPE = r"(?:(?<!\\)|(?<=[^\\]\\\\)|(?<=[^\\]\\\\\\\\))"
_AFTER = r"(?![a-z0-9-]|\.[a-z0-9])"
_HEX_AT = r"%(?:25)*40"
_ALPHABET = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}+/"
_ADDRESS = re.compile(r"[^\s@\"\\]+@[^\s@\"\\]+")  # with a quote or a backslash, JSON could be no JSON afterwards
_ASCII = re.compile(r"[a-z0-9]")


def exact(addresses: tuple[str, ...]) -> str | None:
    """Return the pattern that finds these addresses in text or JSON, and no other one that ends or begins alike.

    None where none of them is an address.
    """
    found = [_pattern(form) for form in _forms(addresses)]
    before = rf"(?:(?<![{_OF_ADDRESS}])|(?<={_ESCAPES}))"
    return rf"{_NO_ESCAPE}{before}(?:{'|'.join(found)}){_AFTER}" if found else None


def near(addresses: tuple[str, ...]) -> str | None:
    """Return a pattern that finds all that `exact` finds, and some more, six times as fast: it looks behind nothing."""
    return "|".join(map(_pattern, _forms(addresses))) or None


def rough(addresses: tuple[str, ...]) -> str | None:
    """Return a pattern that finds all that `raw` finds, and some more, many times as fast."""
    forms = _forms(addresses)
    return "|".join([*map(_pattern, forms), *(one for form in forms for one in _base64(form))]) or None


def raw(addresses: tuple[str, ...]) -> str | None:
    """Return the pattern that finds these addresses in `encode(bytes, 'escape')`, URLs and headers; None as above."""
    forms = _forms(addresses)
    if not forms:
        return None
    plain, form = "|".join(map(_pattern, forms)), "|".join(_pattern(one, at=_HEX_AT) for one in forms)
    coded = [rf"(?<![{_OF_ADDRESS}])(?:{plain})", rf"(?<={_ESCAPES}|{_OCTAL})(?:{plain})"]
    # A form writes a blank as a plus, and a plus as %2B.
    coded.append(rf"(?<=\+)(?:{form})")
    in_base64 = dict.fromkeys(one for form in forms for one in _base64(form))
    return "|".join([rf"(?:{'|'.join(coded)}){_AFTER}", *in_base64])


def _forms(addresses: tuple[str, ...]) -> list[str]:
    """Return each address, and the same with its domain in letters."""
    real = [one for one in addresses if _ADDRESS.fullmatch(one)]
    return list(dict.fromkeys(form for address in real for form in (address, _in_letters(address))))


def _in_letters(address: str) -> str:
    local, at, host = address.rpartition("@")
    try:
        return f"{local}{at}{idna.decode(host)}" if "xn--" in host else address
    except UnicodeError:
        return address


def _pattern(address: str, *, at: str | None = None) -> str:
    return "".join(at if at and sign == "@" else _sign(sign) for sign in address)


def _sign(sign: str) -> str:
    """Return the pattern of one sign of an address, in whatever way it is encoded."""
    if _ASCII.fullmatch(sign):
        return sign
    letters = dict.fromkeys((sign, sign.upper()) if len(sign.upper()) == 1 else (sign,))
    return f"(?:{'|'.join(dict.fromkeys(way for one in letters for way in _ways(one)))})"


def _ways(sign: str) -> list[str]:
    number, data = ord(sign), sign.encode("utf-8", "replace")
    html = [rf"&#0*{number};", rf"&#x0*{number:x};"]
    html += [f"&{codepoint2name[number]};"] if number in codepoint2name else ["&commat;"] if sign == "@" else []
    percent = quote(sign, safe="") if quote(sign, safe="") != sign else f"%{number:02X}"
    units = sign.encode("utf-16-be", "replace").hex()
    unicode = "".join(rf"\\+u{units[place : place + 4]}" for place in range(0, len(units), 4))
    octal = [] if sign.isascii() else ["".join(rf"\\{byte:03o}" for byte in data)]
    return [f"\\{sign}" if sign.isascii() else sign, percent.replace("%", "%(?:25)*"), unicode, *octal, *html]


def _base64(address: str) -> list[str]:
    """Return what stands in Base64 whatever is before and after the address: a pattern for each of three places.

    It is unknown there where another address ends or begins.
    """
    bits = "".join(f"{byte:08b}" for byte in address.encode("utf-8", "replace"))
    return [_sextets("." * before + bits) for before in (0, 8, 16)]


def _sextets(bits: str) -> str:
    """Return the pattern of bits in Base64; a dot is any bit, so that each six of them are a pattern themselves."""
    padded = bits + "." * (-len(bits) % 6)
    sixes = (padded[place : place + 6] for place in range(0, len(padded), 6))
    return "".join(_class(six) for six in sixes if six != "......")


@cache
def _class(six: str) -> str:
    signs = "".join(sign for number, sign in enumerate(_ALPHABET) if re.fullmatch(six, f"{number:06b}"))
    return f"[{signs}{'_' if '/' in signs else ''}{'-' if '+' in signs else ''}]"
