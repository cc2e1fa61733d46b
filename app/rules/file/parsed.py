"""YAML as values with a place for every key: line and column, from 1. Variables are expanded after parsing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from app.errors import Mistake, VariableError
from app.variables import FILE, variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.rules.file.documents import Document

MAXIMUM_VALUES = 2_000_000
OWN = "SEGUE_"
_NUMBERS = re.compile(r"[-+]?[0-9]+")
_DECIMALS = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"null": None, "Null": None, "NULL": None, "~": None, "": None}
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

# The tags that YAML gives to plain values by itself; any other tag stands in the file.
_TAGS = {"bool", "float", "int", "map", "merge", "null", "seq", "str", "timestamp", "value"}
TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in _TAGS)
QUOTED = frozenset({"'", '"', "|", ">"})

Place = tuple[str | int, ...]


class Parsed:
    """One document's values, and the place of each of them."""

    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self.file = document.file
        self.mistakes: list[Mistake] = []
        self._environment = environment
        self._values = 0
        self._root = self._compose(document.text)
        self.value: Any = None if self._root is None else self._construct(self._root, frozenset())

    def mistake(self, path: Place, message: str, *, key: bool = False, level: str = "error") -> Mistake:
        """Return a mistake at the value at `path` (or at its key), or at the nearest value above a missing one."""
        node = self._find(path, key=key)
        mark = node.start_mark if node is not None else None
        return Mistake(self.file, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, message, level)

    def line(self, path: Place) -> int:
        """Return the line of the value at `path`."""
        return self.mistake(path, "").line

    def written(self, path: Place) -> str:
        """Return the text at `path` as written, variables unexpanded: it holds no secret."""
        node = self._find(path, key=False)
        return str(node.value) if isinstance(node, yaml.ScalarNode) else ""

    def drop(self, path: Place) -> None:
        """Forget the list item at `path`, whose value was taken out, so that the items after it keep their places."""
        items = self._find(path[:-1], key=False)
        if isinstance(items, yaml.SequenceNode) and isinstance(path[-1], int):
            del items.value[path[-1]]

    def _compose(self, text: str) -> yaml.Node | None:
        try:
            return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            reason = " ".join(filter(None, (error.context, error.problem)))
            self._note(mark, f"not YAML: {reason}")
        except yaml.YAMLError as error:
            self._note(None, f"not YAML: {' '.join(str(error).split())}")
        except RecursionError:
            self._note(None, "not YAML: nested too deeply")
        return None

    def _note(self, mark: yaml.Mark | None, message: str) -> None:
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.mistakes.append(Mistake(self.file, line, column, message))

    def _construct(self, node: yaml.Node, above: frozenset[int]) -> Any:
        self._values += 1
        if id(node) in above or self._values > MAXIMUM_VALUES or len(above) > 100:  # noqa: PLR2004  # no real file is deeper
            if self._values <= MAXIMUM_VALUES + 1:
                self._note(node.start_mark, "too deep, too large, or an anchor that contains itself")
            self._values += MAXIMUM_VALUES
            return None
        if node.tag not in TAGS:
            self._note(node.start_mark, f"the tag {node.tag!r} is not known here")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, above | {id(node)})
        if isinstance(node, yaml.SequenceNode):
            return [self._construct(item, above | {id(node)}) for item in node.value]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, above: frozenset[int]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._note(key.start_mark, "a key must be plain text")
            elif key.value in values:
                self._note(key.start_mark, f"{key.value!r} stands here twice")
            else:
                values[key.value] = self._construct(value, above)
        return values

    def _scalar(self, node: yaml.Node) -> Any:
        text: str = node.value
        if getattr(node, "style", None) in QUOTED:
            return self._expanded(text, node)
        if text in _WORDS:
            return _WORDS[text]
        if text in _TRUTHS:
            return _TRUTHS[text]
        if _NUMBERS.fullmatch(text) and len(text) < 1000:  # noqa: PLR2004  # no real number is longer
            return int(text)
        return float(text) if _DECIMALS.fullmatch(text) else self._expanded(text, node)

    def _expanded(self, text: str, node: yaml.Node) -> str:
        """Expand environment variables, after parsing: a value can never become YAML. `$$` stands for one `$`."""

        def value(found: re.Match[str]) -> str:
            name = found.group(1)
            return "$" if name is None else self._variable(name, node)

        return VARIABLE.sub(value, text) if "$" in text else text

    def _variable(self, name: str, node: yaml.Node) -> str:
        try:
            value = variable(name, self._environment)
        except VariableError as error:
            self._note(node.start_mark, f"the environment variable {error}")
            return ""
        if value is None:
            other = _confused_with(name, self._environment)
            hint = f"; {other} is set: write the same name in both places" if other else ""
            self._note(node.start_mark, f"the environment variable {name} is not set{hint}")
        return value or ""

    def _find(self, path: Place, *, key: bool) -> yaml.Node | None:
        node = self._root
        for number, part in enumerate(path):
            last = number == len(path) - 1
            following = _step(node, part, key=key and last)
            if following is None:
                break
            node = following
        return node


def _confused_with(name: str, environment: Mapping[str, str]) -> str | None:
    """Return the variable that is set and differs only by the prefix of Segue's own settings."""
    other = name.removeprefix(OWN) if name.startswith(OWN) else f"{OWN}{name}"
    return next((each for each in (other, f"{other}{FILE}") if each in environment), None)


def _step(node: yaml.Node | None, part: str | int, *, key: bool) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((k if key else v for k, v in node.value if k.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item: yaml.Node = node.value[part]
        return item
    return None
