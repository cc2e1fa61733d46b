"""The text of one rule, as it stands in its file. Pure."""

from __future__ import annotations

from functools import lru_cache
from textwrap import dedent
from typing import TYPE_CHECKING

import yaml

from app.rules.shown import shown_documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.rules.file.documents import Document

BLOCKS = frozenset({"|", ">"})  # the styles of texts that take lines of their own


@lru_cache(maxsize=256)  # reading YAML takes some 50 ms for a file of 40 rules
def rule_text(documents: tuple[Document, ...], file: str, line: int) -> str:
    """Return the lines of the rule that begins at `line` of `file`, without its indent; empty where there is none.

    `line` is counted in the file as it was read. A secret that is written there is replaced.
    """
    for document in documents:
        if document.file == file and (found := _node(document.text, line)) is not None:
            number, rules = found
            (shown,) = shown_documents((document,))
            # What is replaced may have taken several lines: the rule is found again by its number.
            root = yaml.compose(shown.text, Loader=yaml.SafeLoader)
            return (
                _lines(shown.text, shown.text.splitlines(), _rules(root)[number]) if len(_rules(root)) == rules else ""
            )
    return ""


def texts_of(document: Document) -> dict[int, str]:
    """Return the rules of a file that can be read, each as it is written, by the line where it begins.

    A rule may hold a secret: this is for what compares them.
    """
    root = yaml.compose(document.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    lines = document.text.splitlines()
    return {rule.start_mark.line + 1: _lines(document.text, lines, rule) for rule in _rules(root)}


def _node(text: str, line: int) -> tuple[int, int] | None:
    """Return the number of the rule that begins at a line, from 0, and how many rules there are."""
    try:
        rules = _rules(yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError:  # never of rules that are in force
        return None
    number = next((number for number, rule in enumerate(rules) if rule.start_mark.line + 1 == line), None)
    return None if number is None else (number, len(rules))


def _rules(root: yaml.Node | None) -> list[yaml.Node]:
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value == "rules" and isinstance(value, yaml.SequenceNode):
                return list(value.value)
    return []


def _lines(text: str, all_lines: Sequence[str], rule: yaml.Node) -> str:
    """Return the lines that a rule takes; what only separates it from the next one is left out."""
    lines = list(all_lines[rule.start_mark.line : max(_end(text, rule), rule.start_mark.line + 1)])
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return dedent("\n".join(lines))


def _end(text: str, rule: yaml.Node) -> int:
    """Return the line before which a rule ends: a block's own mark is where the next one begins.

    What an alias stands for lies before it, and the key of the alias is in its line.
    """
    return max(_last_line(text, node) for node in _scalars(rule))


def _scalars(node: yaml.Node) -> Iterator[yaml.Node]:
    """Yield the nodes that say where text ends: scalars, and whatever stands in brackets or is empty."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        for pair in node.value:
            yield from (found for one in pair for found in _scalars(one))
    elif isinstance(node, yaml.SequenceNode) and not node.flow_style:
        for one in node.value:
            yield from _scalars(one)
    else:
        yield node


def _last_line(text: str, node: yaml.Node) -> int:
    end = node.end_mark
    ends_before = getattr(node, "style", None) in BLOCKS and end.index < len(text)
    return int(end.line) + (0 if ends_before or not end.column else 1)
