"""`check`, `test`, `explain`, `schema` as an operator runs them: what they print, and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from app.__main__ import build
from app.errors import StartError

if TYPE_CHECKING:
    from typer.testing import Result

ROOT = Path(__file__).parents[2]
SHIPPED = ["deploy/rules/example.yaml", "deploy/rules/practice.yaml"]
RULES = """version: 1
accounts: {main: {token: "${TOKEN}"}}
sources: {crm: {provider: json, secrets: ["${CRM_SECRET}"], signature: {header: X-Signature}}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
rules:
  - id: demo
    source: crm
    type: lead
    when: event.data.score > 50
    enroll: {sequence: "310001", sender: anna}
    examples:
      - {name: high, event: {email: a@corp.example, data: {score: 80}}, expect: {enroll: "310001"}}
      - {name: low, event: {email: a@corp.example, data: {score: 10}}, expect: none}
"""
LEAD = {"source": "crm", "type": "lead", "email": "ada@corp.example", "data": {"score": 80}}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def run(*arguments: object, given: str | None = None, **environment: str) -> Result:
    variables = {"TOKEN": "pat-1", "CRM_SECRET": "hush", "COLUMNS": "200"} | environment
    return CliRunner().invoke(build(), [str(a) for a in arguments], input=given, env=variables)


def event_file(tmp_path: Path, event: Any) -> Path:
    path = tmp_path / "event.json"
    path.write_text(event if isinstance(event, str) else json.dumps(event))
    return path


@pytest.mark.parametrize("file", SHIPPED)
def test_the_rules_that_we_ship_have_no_findings_and_pass_their_examples(file: str) -> None:
    checked = run("check", "--placeholders", "--json", ROOT / file)
    assert (checked.exit_code, json.loads(checked.stdout)) == (0, [])
    assert run("test", "--placeholders", ROOT / file).exit_code == 0


def test_check_finds_nothing(rules: Path) -> None:
    result = run("check", rules)
    assert (result.exit_code, result.stdout) == (0, f"{rules}: no findings\n")


JOINING = RULES.replace('{main: {token: "${TOKEN}"}}', "{main: {oauth: true}}")
APP = {
    "SEGUE_HUBSPOT_CLIENT_ID": "client-1",
    "SEGUE_HUBSPOT_CLIENT_SECRET": "made-up",
    "SEGUE_PUBLIC_URL": "https://segue.example",
    "SEGUE_ENCRYPTION_KEYS": "A" * 43 + "=",
}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {},
            f"accounts that join by OAuth need {', '.join(APP)}",
        ),
        (APP | {"SEGUE_ENCRYPTION_KEYS": ""}, "accounts that join by OAuth need SEGUE_ENCRYPTION_KEYS"),
        (APP | {"SEGUE_ENCRYPTION_KEYS": "short"}, "SEGUE_ENCRYPTION_KEYS: key 1 of 1 is no key"),
    ],
)
def test_check_knows_what_serve_refuses_of_an_account_that_joins_by_oauth(
    rules: Path, environment: dict[str, str], message: str
) -> None:
    rules.write_text(JOINING)
    checked = run("check", rules, **environment)
    assert checked.exit_code == 3
    assert f"rules.yaml:2:26: error: account 'main': {message}" in checked.output


def test_check_is_content_with_an_app_that_is_configured_and_asks_for_none_of_placeholders(rules: Path) -> None:
    rules.write_text(JOINING)
    assert run("check", rules, **APP).exit_code == 0
    assert run("check", "--placeholders", rules).exit_code == 0


def test_check_names_a_setting_that_serve_refuses_where_an_account_joins_by_oauth(rules: Path) -> None:
    rules.write_text(JOINING)
    checked = run("check", rules, SEGUE_PORT="many", **APP)
    assert isinstance(checked.exception, StartError)
    assert "SEGUE_PORT" in str(checked.exception)


def test_check_refuses_the_emulators_name(rules: Path) -> None:
    rules.write_text(RULES.replace("{main: {token", "{sandbox: {token"))
    checked = run("check", rules)
    assert (checked.exit_code, "rules.yaml:2:21: error: account 'sandbox': 'sandbox' is the" in checked.output) == (
        3,
        True,
    )


def test_check_tells_every_finding_with_its_place_and_ends_with_3(rules: Path) -> None:
    rules.write_text(RULES.replace("sender: anna", "sender: ben").replace("type: lead", "type: []"))
    result = run("check", rules)
    assert result.exit_code == 3
    assert result.stdout.splitlines() == [
        f"{rules}:8:11: error: must not be empty",
        f"{rules}:10:42: error: there is no sender 'ben' in `senders`",
    ]
    assert result.stderr == "2 findings\n"
    told = json.loads(run("check", "--json", rules).stdout)
    assert told[0] == {"file": str(rules), "line": 8, "column": 11, "level": "error", "message": "must not be empty"}


def test_a_note_is_no_finding(rules: Path) -> None:
    rules.write_text(RULES[: RULES.index("    examples:")])
    noted = run("check", rules)
    assert noted.exit_code == 0
    assert "note: rule 'demo' has no examples" in noted.stdout
    rules.write_text(RULES.replace("senders: {", 'senders: {ben: {user_id: "7", email: ben@acme.example}, '))
    noted = run("check", rules)
    assert noted.exit_code == 0
    assert "note: sender 'ben' is named by no rule and no pool" in noted.stdout


def test_a_rule_that_can_never_match_is_a_warning(rules: Path) -> None:
    again = RULES[RULES.index("  - id") :].replace("id: demo", "id: two")
    rules.write_text(RULES.replace("    when: event.data.score > 50\n", "") + again)
    result = run("check", rules)
    assert result.exit_code == 3
    assert "rule 'two' never sees crm 'lead': rule 'demo' (line 6) above takes every one of them" in result.stdout


def test_variables_come_from_the_environment_a_file_or_nowhere(rules: Path, tmp_path: Path) -> None:
    rules.write_text(RULES.replace("${CRM_SECRET}", "${ELSEWHERE}"))
    assert "the environment variable ELSEWHERE is not set" in run("check", rules).stdout
    assert run("check", "--placeholders", rules).exit_code == 0
    (tmp_path / "files.env").write_text("ELSEWHERE_FILE=/run/secrets/of-the-container\n")
    assert "ELSEWHERE_FILE: cannot read" in run("check", "--env-file", tmp_path / "files.env", rules).stdout
    assert run("check", "--placeholders", "--env-file", tmp_path / "files.env", rules).exit_code == 0
    (tmp_path / "secrets.env").write_text("# a comment\nELSEWHERE='hush'\n")
    assert run("check", "--env-file", tmp_path / "secrets.env", rules).exit_code == 0
    with pytest.raises(StartError, match="--env-file: cannot read"):
        raise _ended(run("check", "--env-file", tmp_path / "nowhere", rules))


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    head, body = RULES.split("rules:\n")
    (tmp_path / "b.yaml").write_text("version: 1\nrules:\n" + body)
    (tmp_path / "a.yaml").write_text(head)
    assert run("check", tmp_path).exit_code == 0


def test_test_runs_the_examples(rules: Path) -> None:
    result = run("test", rules)
    assert (result.exit_code, result.stdout) == (0, "2 passed, 0 failed\n")


def test_test_says_what_came_instead(rules: Path) -> None:
    rules.write_text(RULES.replace("score: 80", "score: 8"))
    result = run("test", rules)
    assert result.exit_code == 1
    assert f"FAIL demo: high ({rules}:6)" in result.stdout
    assert "expected enroll 310001, got none (demo: its condition is false: event.data.score > 50)" in result.stdout
    assert "1 passed, 1 failed" in result.stdout
    (failed, passed) = json.loads(run("test", "--json", rules).stdout)
    assert (failed["passed"], passed["passed"], failed["line"]) == (False, True, 6)


def test_test_runs_some(rules: Path) -> None:
    assert run("test", "--run", "low", rules).stdout == "1 passed, 0 failed\n"
    nothing = run("test", "--run", "nobody", rules)
    assert (nothing.exit_code, "there is no example to run" in nothing.stdout) == (1, True)
    with pytest.raises(StartError, match="--run: not a regular expression"):
        raise _ended(run("test", "--run", "(", rules))


def test_explain_says_which_rules_looked_and_why(rules: Path, tmp_path: Path) -> None:
    result = run("explain", rules, "--event", event_file(tmp_path, LEAD))
    assert result.exit_code == 0
    assert "demo (line 6): matched: its condition is true" in result.stdout
    assert "enroll 310001 by rule demo" in result.stdout


def test_explain_reads_standard_input_and_prints_json(rules: Path) -> None:
    low = LEAD | {"data": {"score": 1}}
    result = run("explain", rules, "--event", "-", "--json", given=json.dumps(low))
    (decision,) = json.loads(result.stdout)
    assert (decision["verdict"], decision["rule"], decision["sequence"]) == ("none", None, None)
    assert decision["facts"][0]["because"] == "its condition is false: event.data.score > 50"


@pytest.mark.parametrize(
    ("score", "expected", "code"), [(80, "demo", 0), (80, "none", 1), (10, "none", 0), (10, "demo", 1)]
)
def test_explain_holds_an_expectation(rules: Path, tmp_path: Path, score: int, expected: str, code: int) -> None:
    path = event_file(tmp_path, LEAD | {"data": {"score": score}})
    assert run("explain", rules, "--event", path, "--expect", expected).exit_code == code


def test_explain_takes_the_source_where_the_event_does_not_say(rules: Path, tmp_path: Path) -> None:
    path = event_file(tmp_path, {name: value for name, value in LEAD.items() if name != "source"})
    assert run("explain", rules, "--event", path, "--source", "crm", "--expect", "demo").exit_code == 0
    assert "there is no source ''; name one of crm" in str(_ended(run("explain", rules, "--event", path)))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_explain_names_an_event_file_that_cannot_be_read(rules: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "event.json"
    if content is not None:
        path.write_bytes(content)
    assert f"--event: {path} cannot be read as JSON" in str(_ended(run("explain", rules, "--event", path)))


def test_explain_says_when_nobody_listens(rules: Path, tmp_path: Path) -> None:
    result = run("explain", rules, "--event", event_file(tmp_path, LEAD | {"type": "other"}))
    assert "no rule listens to this source and type: it is counted and not stored" in result.stdout


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "must hold one JSON object"),
        ("[" * 100_000, "cannot be read as JSON"),
        (LEAD | {"source": "nowhere"}, "there is no source 'nowhere'; name one of crm"),
        (LEAD | {"mail": "x"}, "--event: unknown fields mail; there are source, type"),
        (LEAD | {"email": 5}, "--event: email has the wrong type"),
        (LEAD | {"data": []}, ""),
        (LEAD | {"data": "x"}, "data has the wrong type"),
        (LEAD | {"occurred_at": "yesterday"}, "occurred_at is no ISO 8601 instant"),
        (LEAD | {"received_at": 5}, "received_at is no ISO 8601 instant"),
        (LEAD | {"answers": ["x"]}, "answers has the wrong type"),
    ],
)
def test_explain_names_what_is_wrong_with_the_event(rules: Path, tmp_path: Path, event: Any, told: str) -> None:
    result = run("explain", rules, "--event", event_file(tmp_path, event))
    if told:
        error = _ended(result)
        assert isinstance(error, StartError)
        assert told in str(error)
    else:
        assert result.exit_code == 0


def test_broken_rules_end_test_and_explain_with_3(rules: Path, tmp_path: Path) -> None:
    rules.write_text("rules: 5\n")
    for command in (["test", rules], ["explain", rules, "--event", event_file(tmp_path, LEAD)]):
        error = _ended(run(*command))
        assert isinstance(error, StartError)
        assert error.exit_code == 3
        assert f"{rules}:1:8: must be a list" in str(error)


@pytest.mark.parametrize(
    ("text", "event", "code", "told"),
    [
        ("rules: 5\n", "{}", 3, ":1:8: must be a list"),
        (RULES, "{", 2, "cannot be read as JSON"),
        (RULES, "{}", 2, "there is no source ''"),
    ],
)
def test_a_command_that_cannot_run_ends_with_one_message_and_no_traceback(
    tmp_path: Path, text: str, event: str, code: int, told: str
) -> None:
    (tmp_path / "rules.yaml").write_text(text)
    rules = str(tmp_path / "rules.yaml")
    command = [sys.executable, "-m", "app", "explain", "--placeholders", rules, "--event", "-"]
    ended = subprocess.run(command, input=event, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith("segue: ")
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_secret_is_in_no_finding(rules: Path) -> None:
    rules.write_text(RULES.replace("provider: json", 'provider: "${CRM_SECRET}"'))
    result = run("check", rules, CRM_SECRET="hunter2")
    assert result.exit_code == 3
    assert "there is no provider '${CRM_SECRET}'" in result.stdout
    assert "hunter2" not in result.output


def test_schema_is_a_json_schema() -> None:
    printed = json.loads(run("schema").stdout)
    assert printed["$schema"].startswith("https://json-schema.org/")
    assert "rules" in printed["properties"]


def _ended(result: Result) -> BaseException:
    """Return what a command raised; `main` prints it and ends with its code."""
    assert result.exception is not None
    return result.exception
