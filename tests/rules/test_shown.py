"""What operators are shown of rules: no secret, whatever form it is written in, and everything else as it stands."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.rules.file.documents import Document
from app.rules.shown import HIDDEN, UNREADABLE, differences, shown_documents
from app.rules.without_values import without_values

FILE = """\
version: 1
accounts:
  main: {token: pat-literal, timezone: Europe/Berlin}
  emea: {token: "${EMEA_TOKEN}"}
sources:
  # ü before the secrets: marks count characters
  crm:
    provider: standard-webhooks
    secrets: [&shared "whsec_literal", "${CRM_SECRET}", {value: 'other literal', not_after: 2027-01-01T00:00:00Z}]
  calls: {provider: segment, secrets: [*shared], tokens: [seg-literal], api_token: api-literal, batches: first-only}
  long:
    provider: json
    secrets:
      - |
        block literal
    header: x-secret
endpoints:
  back: {url: "https://crm.acme.example/${HOOK}", secrets: ["half_${BACK}"], events: [enrolled]}
rules:
  - {id: demo, source: crm, type: secrets, when: 'event.data.token == "kept"', ignore: true}
"""


def shown(text: str) -> str:
    (document,) = shown_documents([Document("rules.yaml", text)])
    return document.text


def test_no_secret_that_stands_in_a_file_is_shown_and_all_else_is() -> None:
    text = shown(FILE)
    for secret in ("pat-literal", "whsec_literal", "other literal", "seg-literal", "api-literal", "block", "half_"):
        assert secret not in text
    for kept in ("Europe/Berlin", "${EMEA_TOKEN}", "${CRM_SECRET}", "2027-01-01", "first-only", "x-secret", "kept"):
        assert kept in text
    assert "https://crm.acme.example/${HOOK}" in text
    before, after = yaml.safe_load(FILE), yaml.safe_load(text)
    assert after["rules"] == before["rules"]
    assert list(after["sources"]) == list(before["sources"])
    assert text.count(HIDDEN) == 7


def test_what_is_no_yaml_is_not_shown() -> None:
    assert shown("secrets: [") == UNREADABLE


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), st.sampled_from(["'", '"', None, "|"]))
def test_no_secret_is_shown_in_whatever_way_it_is_written(secret: str, style: str | None) -> None:
    secret = f"<{secret.strip()}>é\U0001f511"
    given_file = {"sources": {"crm": {"provider": "json", "secrets": [secret, "${NAME}"]}, "\U0001f511": {"map": "x"}}}
    text = yaml.safe_dump(given_file, default_style=style, allow_unicode=True)
    crm = yaml.safe_load(shown(text))["sources"]["crm"]
    assert crm["secrets"][0].strip() == "***"
    assert crm["secrets"][1].strip() == "${NAME}"
    assert secret not in shown(text)


def test_a_diff_says_what_changed_and_no_secret() -> None:
    changed = FILE.replace("source: crm, type: secrets", "source: crm, type: b").replace("pat-literal", "pat-other")
    lines = differences([Document("/a/rules.yaml", FILE)], [Document("/b/rules.yaml", changed)])
    assert lines[:2] == ["--- /a/rules.yaml", "+++ /b/rules.yaml"]
    assert [line for line in lines[2:] if line[0] == "+"] == [
        "+  - {id: demo, source: crm, type: b, when: 'event.data.token == \"kept\"', ignore: true}"
    ]
    assert "pat-" not in str(lines)
    assert differences([Document("a", FILE)], [Document("b", FILE)]) == []


def test_a_diff_of_folders_goes_by_the_names_of_files() -> None:
    one, two = Document("one.yaml", "version: 1\n"), Document("two.yaml", "rules: []\n")
    assert differences([one], [one, two]) == ["--- two.yaml", "+++ two.yaml", "@@ -0,0 +1 @@", "+rules: []"]
    assert differences([one, two], [two]) == ["--- one.yaml", "+++ one.yaml", "@@ -1 +0,0 @@", "-version: 1"]


def test_the_name_of_a_variable_stands_for_its_value_wherever_that_is() -> None:
    values = {"${A}": "secret", "${B}": "secret-longer"}
    assert without_values({"secret": ["x secret-longer", ("secret", 5, None)]}, values) == {
        "${A}": ["x ${B}", ["${A}", 5, None]]
    }
