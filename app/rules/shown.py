"""Rules as operators are shown them: the text of the files without secrets, and what differs between two of them. Pure.

Files name secrets as `${NAME}`, and that is shown. A secret that stands in the file itself is replaced, also where it
stands in a place that only one provider knows. What stands in comments is shown as it is.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import TYPE_CHECKING

import yaml

from app.rules.file.documents import Document
from app.sources import PROVIDERS
from app.sources.options import secret_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HIDDEN = '"***"'
UNREADABLE = "# this file cannot be read as YAML, and is not shown\n"
SECTIONS = frozenset({"accounts", "sources", "endpoints"})
_OWN_KEYS = frozenset({"secrets", "token"})
_PLAIN_KEYS = frozenset({"not_after"})
_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_ANCHOR = re.compile(r"&\S+\s+")
_BLOCKS = frozenset({"|", ">"})


@cache
def _keys() -> frozenset[str]:
    """Return the keys whose values are secrets, those of all providers included."""
    return _OWN_KEYS | secret_keys(provider.Options for provider in PROVIDERS.values())


def shown_documents(documents: Iterable[Document]) -> tuple[Document, ...]:
    """Return the documents with `***` in place of each secret that is written in them."""
    return tuple(Document(document.file, _shown(document.text)) for document in documents)


def differences(old: Sequence[Document], new: Sequence[Document]) -> list[str]:
    """Return the lines of a unified diff of what is shown of two rulebooks, file by file; none where none differs."""
    return written_differences(shown_documents(old), shown_documents(new))


def written_differences(old: Sequence[Document], new: Sequence[Document]) -> list[str]:
    """Return the same of the files as they are written: its lines may hold secrets.

    A file is compared with the one of its name; of two rulebooks of one file each, that file with the other.
    """
    before = {document.file: document.text for document in old}
    after = {document.file: document.text for document in new}
    if len(before) == len(after) == 1:
        ((name, text),) = before.items()
        before = dict.fromkeys(after, text)
        return _difference(name, next(iter(after)), before, after)
    names = sorted({*before, *after})
    return [line for name in names for line in _difference(name, name, before, after)]


def _difference(old: str, new: str, before: dict[str, str], after: dict[str, str]) -> list[str]:
    one, other = before.get(new, "").splitlines(), after.get(new, "").splitlines()
    return list(difflib.unified_diff(one, other, old, new, lineterm=""))


def _shown(text: str) -> str:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:  # never of rules that were in force
        return UNREADABLE
    spans = {(node.start_mark.index, node.end_mark.index): node for node in _secrets_of(root)}
    for start, end in sorted(spans, reverse=True):
        anchor = _ANCHOR.match(text, start, end)
        stands_for = f"{HIDDEN}\n" if spans[start, end].style in _BLOCKS else HIDDEN
        text = text[: anchor.end() if anchor else start] + stands_for + text[end:]
    return text


def _secrets_of(root: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    for section, entries in _pairs(root):
        if section in SECTIONS:
            for _, entry in _pairs(entries):
                yield from (found for key, value in _pairs(entry) if key in _keys() for found in _scalars(value))


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Yield what is written below a key of a secret, but for mere names of variables."""
    if isinstance(node, yaml.ScalarNode) and not _REFERENCE.fullmatch(node.value):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    else:
        yield from (found for key, value in _pairs(node) if key not in _PLAIN_KEYS for found in _scalars(value))


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), value) for key, value in node.value)
