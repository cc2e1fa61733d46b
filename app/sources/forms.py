"""Form-encoded and multipart bodies as plain values: browsers and older tools send them instead of JSON.

A field that occurs twice becomes a list. Of a file only the name is kept. A "+" means a space, save in an address that
was sent without encoding it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from app.errors import Unreadable
from app.people.addresses import normalise
from app.sources.fields import storable
from app.sources.form_labels import meaning

if TYPE_CHECKING:
    from app.model import Delivery

MAXIMUM_FIELDS = 2000
# Older sites still send forms in these encodings, and declare them.
WESTERN = frozenset({"iso-8859-1", "latin1", "iso-8859-15", "windows-1252"})


def content_type(delivery: Delivery) -> str:
    """Return the media type without its parameters, in lower case."""
    return delivery.headers.get("content-type", "").partition(";")[0].strip().lower()


def charset_of(delivery: Delivery) -> str:
    """Return the charset that the content type declares, in lower case; utf-8 where it declares none."""
    return _parameters(delivery).get(b"charset", b"utf-8").decode("latin-1").lower()


def form(delivery: Delivery) -> dict[str, Any]:
    """Return the fields of a form-encoded or multipart body; raise Unreadable where it cannot be read."""
    if content_type(delivery) == "multipart/form-data":
        return _by_name(_multipart(delivery))
    charset = charset_of(delivery)
    return urlencoded(delivery.body, charset if charset in WESTERN else "utf-8")


def urlencoded(body: bytes, charset: str = "utf-8") -> dict[str, Any]:
    """Return the fields of a form-encoded body, or of a URL's query."""
    try:
        text = body.decode(charset)
        pairs = _pairs(text, charset)
        if "+" in text:
            # A sender that encodes nothing writes "+" and "@" as they are: "ann+demo@corp.example" is one address.
            kept = _pairs(text.replace("+", "%2B"), charset)
            pairs = [
                _meant(*pair, as_it_is, plain="@" in text) for pair, (_, as_it_is) in zip(pairs, kept, strict=True)
            ]
    except ValueError as error:  # UnicodeDecodeError is one
        raise Unreadable("malformed_body", f"the form cannot be read: {error}") from error
    return _by_name(pairs)


def _pairs(text: str, charset: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, encoding=charset, errors="strict", max_num_fields=MAXIMUM_FIELDS)


def _meant(name: str, value: str, as_it_is: str, *, plain: bool) -> tuple[str, str]:
    """Return a field with its "+" kept where that makes an address: no address has a space inside."""
    is_address = "@" in value and (plain or meaning(name) == "email") and normalise(as_it_is) is not None
    return name, as_it_is if is_address and " " in value.strip() else value


def _parameters(delivery: Delivery) -> dict[bytes, bytes]:
    # The parser fails on characters beyond Latin-1. HTTP cannot carry them; a delivery that was kept in a file can.
    value = delivery.headers.get("content-type", "")
    if ";" not in value:
        return {}
    _, parameters = parse_options_header(value.encode("latin-1", errors="replace"))
    return parameters


def _multipart(delivery: Delivery) -> list[tuple[str, str]]:
    boundary = _parameters(delivery).get(b"boundary")
    if not boundary:
        raise Unreadable("malformed_body", "the multipart body has no boundary")
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        parser.write(delivery.body)
        parser.finalize()
    except FormParserError as error:
        raise Unreadable("malformed_body", f"the multipart body cannot be read: {error}") from error
    if not parts.ended:
        raise Unreadable("malformed_body", "the multipart body ends before its last boundary")
    return parts.fields


class _Parts:
    """Collects the parts from the parser's callbacks."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.ended = False
        self._name, self._value = bytearray(), bytearray()
        self._disposition, self._content = b"", bytearray()

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        if len(self.fields) >= MAXIMUM_FIELDS:
            raise Unreadable("malformed_body", f"the multipart body has more than {MAXIMUM_FIELDS} parts")
        self._disposition, self._content = b"", bytearray()

    def _header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def _end(self) -> None:
        _, parameters = parse_options_header(self._disposition)
        name = parameters.get(b"name", b"")
        file_name = parameters.get(b"filename")
        try:
            value = (bytes(self._content) if file_name is None else file_name).decode()
            self.fields.append((name.decode(), value))
        except UnicodeDecodeError as error:
            raise Unreadable("malformed_body", "a part of the multipart body is not UTF-8") from error

    def _finish(self) -> None:
        self.ended = True


def _by_name(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the fields by name, in their order; a repeated one as a list."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(storable(name), []).append(storable(value))
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}
