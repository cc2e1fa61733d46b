"""`docs/dependencies.md` has a line for each dependency, and nothing is locked whose licence is not allowed."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/dependencies.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([\w.-]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
# As packages name them: SPDX's identifiers, or PyPI's classifiers. MPL-2.0 asks for changes of its own files alone.
ALLOWED = {
    *("MIT", "MIT-0", "MIT License", "0BSD", "ISC License (ISCL)"),
    *("BSD License", "BSD-2-Clause", "BSD-3-Clause"),
    *("Apache-2.0", "Apache Software License"),
    *("PSF-2.0", "Python Software Foundation License"),
    *("MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)"),
}


# Their metadata names no licence: the file that they carry does.
BY_FILE = {"axe-playwright-python": "MIT License"}


def names(requirements: list[object]) -> set[str]:
    """Return the packages that a list in `pyproject.toml` asks for."""
    found = [re.match(r"[\w.-]+", each) for each in requirements if isinstance(each, str)]
    return {match[0] for match in found if match}


def asked() -> dict[str, set[str]]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    return {
        "## What runs": names(project["project"]["dependencies"]),
        "## For development": names(groups["dev"]) | names(groups["sbom"]),
    }


def licence(package: str) -> str:
    """Return a package's licence as its installed metadata has it, else as its licence file begins."""
    found = metadata.distribution(package).metadata.json
    listed = [str(each) for each in found.get("classifier", [])]
    named = [each.rpartition(" :: ")[2] for each in listed if each.startswith("License ::")]
    classified = " / ".join(each for each in named if each != "DFSG approved")
    named_there = found.get("license_expression") or classified or found.get("license") or BY_FILE.get(package)
    return str(named_there or "none").splitlines()[0]


def test_what_is_read_from_a_file_stands_in_it() -> None:
    for package, name in BY_FILE.items():
        files = [file for file in metadata.files(package) or [] if file.name == "LICENSE"]
        assert [file.read_text().strip().splitlines()[0].strip() for file in files] == [name]


@pytest.mark.parametrize("heading", ["## What runs", "## For development"])
def test_each_dependency_has_its_line(heading: str) -> None:
    part = PAGE[PAGE.index(heading) :].partition("\n## ")[0]
    rows = ROW.findall(part)
    assert {row[0] for row in rows} == asked()[heading]
    assert len(rows) == len(asked()[heading])
    assert [row[0] for row in rows if row[2] != licence(row[0])] == []


def test_every_locked_package_has_an_allowed_licence() -> None:
    """Those that are installed here: a few are for other systems or versions of Python alone."""
    locked = set[str]()
    for file in REPOSITORY.glob("requirements*.txt"):
        locked |= set(re.findall(r"^([\w.-]+)==", file.read_text(encoding="utf-8"), re.MULTILINE))
    installed = {re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower() for each in metadata.distributions()}
    assert len(locked & installed) > len(locked) - 10
    refused = {
        package: licence(package)
        for package in sorted(locked & installed)
        if not all({part, part.strip("()")} & ALLOWED for part in re.split(r" AND | OR | / ", licence(package)))
    }
    assert refused == {}


def test_no_file_names_a_packages_registry() -> None:
    for file in REPOSITORY.glob("requirements*.txt"):
        assert "://" not in file.read_text(encoding="utf-8")
