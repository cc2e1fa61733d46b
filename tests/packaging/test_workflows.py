"""The workflows of a public repository: they parse, may do no more than they need, and check before they release."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
ON = True  # how YAML 1.1 reads the key `on`
WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
# What each job may do beyond reading the repository.
GRANTED = {
    ("ci", "check"): set(),
    ("release", "check"): set(),
    ("release", "image"): {"packages", "id-token", "attestations"},
    ("weekly", "audit"): set(),
    ("weekly", "refresh"): {"contents", "pull-requests"},
}


def jobs() -> dict[tuple[str, str], Any]:
    read = {path.stem: yaml.safe_load(path.read_text()) for path in WORKFLOWS}
    return {(file, name): job for file, workflow in read.items() for name, job in workflow["jobs"].items()}


def commands(job: Any) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nothing_is_granted_to_all_jobs_and_what_runs_for_strangers_has_no_secret(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    # A pull request may be a stranger's: what runs for it is `ci` alone, which gets no secret.
    wanted = {"push", "pull_request"} if path.stem == "ci" else {"push", "schedule", "workflow_dispatch"}
    assert set(workflow[ON]) <= wanted
    assert path.stem != "ci" or "secrets." not in path.read_text()


def test_each_job_may_write_only_what_it_has_to() -> None:
    written = {
        name: {what for what, level in job["permissions"].items() if level == "write"} for name, job in jobs().items()
    }
    assert written == GRANTED
    assert all(job["timeout-minutes"] <= 90 for job in jobs().values())


def test_every_action_has_a_version_and_a_checkout_leaves_no_credentials() -> None:
    steps = [step for job in jobs().values() for step in job["steps"] if "uses" in step]
    assert [step["uses"] for step in steps if not re.fullmatch(r"[\w./-]+@(v\d+|[0-9a-f]{40})", step["uses"])] == []
    checkouts = [step for step in steps if step["uses"].startswith("actions/checkout@")]
    assert len(checkouts) == len(jobs())
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_commands_are_well_formed_and_take_outside_words_from_the_environment() -> None:
    for job in jobs().values():
        for command in commands(job):
            assert "${{" not in command
            subprocess.run(["/bin/bash", "-n"], input=command, text=True, check=True)


def test_each_push_and_each_pull_request_passes_lint_and_tests() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())
    assert workflow[ON] == {"push": {"branches": ["**"]}, "pull_request": None}
    (step,) = [step for step in workflow["jobs"]["check"]["steps"] if "run" in step]
    assert step == {"run": ".ci/run", "env": {"CI": "true"}}
    run = REPOSITORY / step["run"]
    assert os.access(run, os.X_OK)
    assert re.findall(r"^make .*", run.read_text(), re.MULTILINE) == ["make lint", "make test"]


def test_a_release_is_checked_strictly_then_signed_by_its_digest_with_its_list_of_parts() -> None:
    assert {"make lint STRICT=1", "make audit", "make test"} <= set(commands(jobs()["release", "check"]))
    image = jobs()["release", "image"]
    assert image["needs"] == "check"
    text = "\n".join(commands(image))
    assert "--provenance mode=max --sbom true" in text
    assert 'cosign sign --yes --recursive "$IMAGE@$DIGEST"' in text
    assert "cosign attest --yes --type cyclonedx --predicate sbom.cdx.json" in text
    assert any(step.get("uses", "").startswith("actions/attest-build-provenance@") for step in image["steps"])


def test_every_target_that_a_workflow_makes_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    made = {word for job in jobs().values() for each in commands(job) for word in re.findall(r"^make (\w+)", each)}
    assert made <= targets
