"""A variable of the rules is the environment's, or the content of the file that its `_FILE` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import RulebookError
from app.rules.file.documents import Document
from app.rules.load import load
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from pathlib import Path

    from app.rules.rulebook import Rulebook

RULES = """version: 1
accounts: {main: {token: "${SEGUE_HUBSPOT_TOKEN}"}}
sources: {form: {provider: typeform, secrets: ["${FORM_SECRET}"]}}
"""
SET = {"SEGUE_HUBSPOT_TOKEN": "pat-1", "FORM_SECRET": "hush"}


def loaded(environment: dict[str, str]) -> Rulebook:
    return load((Document("r.yaml", RULES),), environment=environment, providers=PROVIDERS)


def mistake(environment: dict[str, str]) -> str:
    with pytest.raises(RulebookError) as error:
        loaded(environment)
    assert "hush" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("beside", [{}, {"FORM_SECRET": ""}], ids=["not set", "set to nothing"])
def test_a_file_is_read_without_the_white_space_around_it_at_each_load(tmp_path: Path, beside: dict[str, str]) -> None:
    token, secret = tmp_path / "token", tmp_path / "secret"
    environment = {"SEGUE_HUBSPOT_TOKEN_FILE": str(token), "FORM_SECRET_FILE": str(secret), **beside}
    for number in (1, 2):
        token.write_text(f"pat-{number}\n")
        secret.write_text(f" hush-{number}\n\n")
        book = loaded(environment)
        assert book.accounts["main"].token == f"pat-{number}"
        assert [one.value for one in book.sources["form"].secrets] == [f"hush-{number}"]


def test_a_file_beside_a_value_is_a_mistake(tmp_path: Path) -> None:
    environment = {**SET, "FORM_SECRET_FILE": str(tmp_path)}
    message = "r.yaml:3:48: the environment variable FORM_SECRET_FILE: FORM_SECRET is set too; set one of them"
    assert mistake(environment) == message


def test_a_file_that_cannot_be_read_is_a_mistake_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name, why in (("nowhere", "No such file or directory"), ("bytes", "not UTF-8 text"), (".", "Is a directory")):
        path = tmp_path / name
        message = mistake({"SEGUE_HUBSPOT_TOKEN": "pat-1", "FORM_SECRET_FILE": str(path)})
        assert f"FORM_SECRET_FILE: cannot read {path}: {why}; check the file and who may read it" in message


@pytest.mark.parametrize("other", ["HUBSPOT_TOKEN", "HUBSPOT_TOKEN_FILE"])
def test_a_name_that_lacks_the_prefix_is_pointed_out(other: str) -> None:
    message = mistake({"FORM_SECRET": "hush", other: "hush"})
    assert f"SEGUE_HUBSPOT_TOKEN is not set; {other} is set: write the same name in both places" in message


def test_a_name_that_has_a_prefix_too_many_is_pointed_out() -> None:
    message = mistake({"SEGUE_HUBSPOT_TOKEN": "pat-1", "SEGUE_FORM_SECRET": "hush"})
    assert "FORM_SECRET is not set; SEGUE_FORM_SECRET is set: write the same name in both places" in message
