"""Every mistake in a rules file is reported with its place, all of them at once, and no secret with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import RulebookError
from app.model import Account
from app.rules.engine import FUNCTIONS
from app.rules.file.documents import Document, read_documents
from app.rules.load import load
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2-hunter2"
ENVIRONMENT = {"TOKEN": "pat-1", "FORM_SECRET": SECRET}

TOO_DEEP = "too deep, too large, or an anchor that contains itself"
FIELDS = "id, source, type, occurred_at, email, first_name, last_name, name, company, exit, data, answers"
TOKENS = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)

OWN = "is HubSpot's own: name a contact property that you have made for this"
NEVER = "is never a rule's to write: it says who the contact is, HubSpot keeps it itself, or a rule's `owner` gives it"

# Lines 1 to 5 of every file; what a case adds begins at line 6.
HEAD = """version: 1
accounts: {main: {token: "${TOKEN}"}}
sources:
  form: {provider: typeform, secrets: ["${FORM_SECRET}"]}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
"""
RULE = """rules:
  - id: demo
    source: form
    type: form_response
    enroll: {sequence: "310001", sender: anna}
"""


def mistakes(*texts: str, default: Account | None = None) -> list[str]:
    """Return the mistakes that are reported for files r1.yaml, r2.yaml ..."""
    documents = tuple(Document(f"r{number}.yaml", text) for number, text in enumerate(texts, start=1))
    try:
        load(documents, environment=ENVIRONMENT, providers=PROVIDERS, default_account=default)
    except RulebookError as error:
        return [str(mistake) for mistake in error.mistakes]
    return []


def test_the_file_that_the_cases_begin_with_has_no_mistake() -> None:
    assert mistakes(HEAD + RULE) == []


ONE_THING = (
    "it does one thing: write one of `enroll`, `note`, `workflow`, `cancel: true`, `ignore: true`, "
    "`unenroll: true` and `update: true`"
)
EXPECTED = (
    "write `none`, `cancel`, `ignore`, `unenroll`, `update`, or what it is directed at as "
    '{enroll: "310001"} or {note: "Came to the webinar"} or {workflow: "910001"}'
)
NO_BRIDGE = "account 'main' has no `unenroll:`, which says how contacts are taken out of sequences"
CASES: dict[str, tuple[str, list[str]]] = {
    "unknown key at the top": (HEAD + RULE + "colour: red\n", ["r1.yaml:11:1: unknown key 'colour'"]),
    "unknown key in a rule": (HEAD + RULE + "    windows: x\n", ["r1.yaml:11:5: unknown key 'windows'"]),
    "replacing without a bridge": (
        HEAD + RULE + "    if_already_enrolled: replace\n",
        [f"r1.yaml:11:26: {NO_BRIDGE}"],
    ),
    "unenrolling without a bridge": (
        HEAD + RULE.replace('enroll: {sequence: "310001", sender: anna}', "unenroll: true"),
        [f"r1.yaml:10:15: {NO_BRIDGE}"],
    ),
    "a bridge of neither kind": (
        HEAD.replace('"}}', '", unenroll: {takes: 3m}}}', 1) + RULE,
        ["r1.yaml:2:48: account 'main': write one of `property` and `workflow`"],
    ),
    "a bridge of both kinds": (
        HEAD.replace('"}}', '", unenroll: {property: x, workflow: "1"}}}', 1) + RULE,
        ["r1.yaml:2:48: account 'main': write one of `property` and `workflow`"],
    ),
    "a workflow by its name": (
        HEAD + RULE.replace('enroll: {sequence: "310001", sender: anna}', "workflow: {id: Newsletter}"),
        ['r1.yaml:10:20: must be an id of digits in quotes, such as "310001"'],
    ),
    "keys without effect in a rule that cancels": (
        HEAD
        + RULE.replace(
            'enroll: {sequence: "310001", sender: anna}',
            "cancel: true\n    priority: 3\n    dedupe: {for: 1d}\n    contact: {set: {company: event.company}}",
        ),
        [
            "r1.yaml:11:5: `priority` changes nothing where a rule does `cancel`",
            "r1.yaml:12:5: `dedupe` changes nothing where a rule does `cancel`",
            "r1.yaml:13:15: `contact.set` changes nothing where a rule does `cancel`",
        ],
    ),
    "keys without effect in a rule that updates": (
        HEAD
        + RULE.replace(
            'enroll: {sequence: "310001", sender: anna}',
            "update: true\n    contact: {set: {company: event.company}, require: [company]}",
        ),
        ["r1.yaml:11:46: `contact.require` changes nothing where a rule does `update`"],
    ),
    "what changes nothing without another key": (
        HEAD + RULE.replace("    enroll:", "    on_error: stop\n    overwrite: true\n    enroll:"),
        [
            "r1.yaml:10:5: `on_error` changes nothing where no `when` is written",
            "r1.yaml:11:5: `overwrite` changes nothing where `owner` is `keep`",
        ],
    ),
    "an account of a rule that ignores, which is not there": (
        HEAD + RULE.replace('enroll: {sequence: "310001", sender: anna}', "account: nope\n    ignore: true"),
        ["r1.yaml:10:14: there is no account 'nope' in `accounts`"],
    ),
    "keys without effect in a rule that puts into a workflow": (
        HEAD
        + RULE.replace(
            'enroll: {sequence: "310001", sender: anna}', 'workflow: {id: "910002"}\n    if_already_enrolled: wait'
        ),
        ["r1.yaml:11:5: `if_already_enrolled` changes nothing where a rule does `workflow`"],
    ),
    "a window by the clock of owners who may have none": (
        HEAD.replace("user_id", "timezone: Europe/Berlin, user_id")
        + "windows: {office: {days: mon-fri, hours: 09:00-17:00}}\n"
        + RULE.replace("anna}", "contact-owner, window: office}"),
        [
            (
                "r1.yaml:11:65: window 'office' goes by the sender's clock, and a contact's owner may have none: write "
                "`otherwise: Europe/Berlin` there"
            )
        ],
    ),
    "a window that is not there": (
        HEAD + RULE.replace("anna}", "anna, window: office}"),
        ["r1.yaml:10:56: there is no window 'office' in `windows`"],
    ),
    "unknown key of a provider": (
        HEAD.replace("typeform,", "typeform, colour: red,") + RULE,
        ["r1.yaml:4:30: unknown key 'colour'"],
    ),
    "undefined variable": (
        HEAD.replace("FORM_SECRET", "NOWHERE") + RULE,
        ["r1.yaml:4:40: the environment variable NOWHERE is not set"],
    ),
    "no version": (HEAD.replace("version: 1\n", "") + RULE, ["r1.yaml:1:1: 'version' is missing"]),
    "another version": (HEAD.replace("version: 1", "version: 2") + RULE, ["r1.yaml:1:10: must be 1"]),
    "two accounts": (
        HEAD.replace('"}}', '"}, other: {token: x}}', 1) + RULE,
        ["r1.yaml:7:5: there are several accounts: name one of main, other as `account`"],
    ),
    "no credential": (
        HEAD.replace('accounts: {main: {token: "${TOKEN}"}}', "store_unheard: false") + RULE,
        ["r1.yaml:1:1: no HubSpot credential: write `accounts:` with a token, or set SEGUE_HUBSPOT_TOKEN"],
    ),
    "unknown provider": (
        HEAD.replace("typeform", "typefrom") + RULE,
        [f"r1.yaml:4:20: there is no provider 'typefrom'; there are {', '.join(sorted(PROVIDERS))}"],
    ),
    "no secret": (
        HEAD.replace(', secrets: ["${FORM_SECRET}"]', "") + RULE,
        ["r1.yaml:4:9: source 'form': needs at least one secret: without one every delivery is refused"],
    ),
    "open without meaning it": (
        HEAD.replace('provider: typeform, secrets: ["${FORM_SECRET}"]', "provider: json, verify: none") + RULE,
        [
            (
                "r1.yaml:4:9: source 'form': `verify: none` lets anybody in who knows the URL: say "
                "`allow_unverified: true` to mean it"
            )
        ],
    ),
    "unknown source": (
        HEAD + RULE.replace("source: form", "source: from"),
        ["r1.yaml:8:13: there is no source 'from' in `sources`"],
    ),
    "unknown sender": (
        HEAD + RULE.replace("sender: anna", "sender: ben"),
        ["r1.yaml:10:42: there is no sender 'ben' in `senders`"],
    ),
    "a sender without a usable address": (
        HEAD.replace("anna@acme.example", "anna") + RULE,
        ["r1.yaml:5:42: this is no usable e-mail address"],
    ),
    "a number for a sequence": (
        HEAD + RULE.replace('"310001"', "310001"),
        ['r1.yaml:10:24: ids are text: write "310001" in quotes'],
    ),
    "a word for a sequence": (
        HEAD + RULE.replace('"310001"', "demo"),
        ['r1.yaml:10:24: must be an id of digits in quotes, such as "310001"'],
    ),
    "a time without its zone": (
        HEAD.replace('["${FORM_SECRET}"]', '[{value: "${FORM_SECRET}", not_after: 2026-12-01}]') + RULE,
        ["r1.yaml:4:77: write the time with its zone, such as 2026-12-24T00:00:00Z"],
    ),
    "a field that is no path": (
        HEAD.replace(
            'provider: typeform, secrets: ["${FORM_SECRET}"]',
            "provider: json, verify: none, allow_unverified: true, fields: {type: type}",
        )
        + RULE,
        ["r1.yaml:4:79: write `$.dotted.path`, a JSON pointer such as `/contact/email`, or `header:Name`"],
    ),
    "a user id that is none": (
        HEAD.replace('"7001"', "seven") + RULE,
        ['r1.yaml:5:27: must be an id of digits in quotes, such as "310001"'],
    ),
    "an id twice": (
        HEAD + RULE + RULE.removeprefix("rules:\n"),
        ["r1.yaml:11:9: another rule is called 'demo' already"],
    ),
    "no id": (HEAD + RULE.replace("id: demo\n    ", ""), ["r1.yaml:7:5: 'id' is missing"]),
    "an id that is no name": (
        HEAD + RULE.replace("id: demo", "id: a b"),
        ["r1.yaml:7:9: must match ^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"],
    ),
    "no type": (HEAD + RULE.replace("    type: form_response\n", ""), ["r1.yaml:7:5: 'type' is missing"]),
    "an empty list of types": (HEAD + RULE.replace("form_response", "[]"), ["r1.yaml:9:11: must not be empty"]),
    "neither enroll nor ignore": (
        HEAD + RULE.replace('    enroll: {sequence: "310001", sender: anna}\n', ""),
        [f"r1.yaml:7:5: rule 'demo': {ONE_THING}"],
    ),
    "enroll and ignore": (
        HEAD + RULE + "    ignore: true\n",
        [f"r1.yaml:7:5: rule 'demo': {ONE_THING}"],
    ),
    "a condition that ends too early": (
        HEAD + RULE + "    when: event.data.x >=\n",
        [f"r1.yaml:11:26: when: mismatched input '<EOF>' expecting {TOKENS}"],
    ),
    "a field that no event has": (
        HEAD + RULE + '    when: event.emial == "x"\n',
        [f"r1.yaml:11:16: when: an event has no field 'emial'; the fields are {FIELDS}"],
    ),
    "a plus within a macro": (
        HEAD + RULE + "    when: event.data.items.exists(i, i.price + i.tax > 5.0)\n",
        [
            (
                "r1.yaml:11:46: when: no `+` within a macro, where it could make a text of any size: "
                "write [a, b].join() or [a, b].sum()"
            )
        ],
    ),
    "a name that does not exist": (
        HEAD + RULE + "    when: is_paid_mail(event.email)\n",
        [
            (
                "r1.yaml:11:23: when: undeclared reference to 'is_paid_mail'; there are event.<field>, "
                f"the functions {', '.join(FUNCTIONS)}, and CEL's own"
            )
        ],
    ),
    "a field that no event has, in a value": (
        HEAD + RULE + "    contact: {set: {firstname: event.fist_name}}\n",
        [f"r1.yaml:11:37: firstname: an event has no field 'fist_name'; the fields are {FIELDS}"],
    ),
    "a condition that is no text": (HEAD + RULE + "    when: true\n", ["r1.yaml:11:11: must be text"]),
    "a duration without a unit": (
        HEAD + RULE + "    dedupe: {for: 30}\n",
        ["r1.yaml:11:19: write a duration like 30d, 12h, 15m, 90s or 30 days"],
    ),
    "continue that is no truth": (HEAD + RULE + '    continue: "yes"\n', ["r1.yaml:11:15: must be a valid boolean"]),
    "on_error of another kind": (HEAD + RULE + "    on_error: skip\n", ["r1.yaml:11:15: must be 'next' or 'stop'"]),
    "an example that expects nonsense": (
        HEAD + RULE + "    examples: [{name: x, event: {}, expect: maybe}]\n",
        [f"r1.yaml:11:45: {EXPECTED}"],
    ),
    "an example with an unknown field": (
        HEAD + RULE + "    examples: [{name: x, event: {mail: a}, expect: none}]\n",
        ["r1.yaml:11:34: unknown key 'mail'"],
    ),
    "a key twice": (HEAD + "version: 1\n" + RULE, ["r1.yaml:6:1: 'version' stands here twice"]),
    "no mapping": ("- a\n- b\n", ["r1.yaml:1:1: a rules file is a mapping that begins with `version: 1`"]),
    "an empty file": ("", ["r1.yaml:1:1: a rules file is a mapping that begins with `version: 1`"]),
    "rules that are no list": (HEAD + "rules: 5\n", ["r1.yaml:6:8: must be a list"]),
    "a rule that is no mapping": (HEAD + RULE + "  - 5\n", ["r1.yaml:11:5: must be a mapping"]),
    "a tag": (
        HEAD + RULE.replace("demo", "!!python/name:os.system demo"),
        ["r1.yaml:7:9: the tag 'tag:yaml.org,2002:python/name:os.system' is not known here"],
    ),
    "a tag on a mapping": (
        HEAD + RULE.replace("enroll: {", "enroll: !secret {"),
        ["r1.yaml:10:13: the tag '!secret' is not known here"],
    ),
    "no YAML": (
        HEAD + "rules: [\n",
        ["r1.yaml:7:1: not YAML: while parsing a flow node did not find expected node content"],
    ),
    "a tab": (
        HEAD + "rules:\n\t- a\n",
        ["r1.yaml:7:1: not YAML: while scanning for the next token found character that cannot start any token"],
    ),
    "an anchor that contains itself": (
        HEAD + "rules: &a [*a]\n",
        [f"r1.yaml:6:8: {TOO_DEEP}"],
    ),
    "an alias of an alias of an alias": (
        HEAD
        + "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{n}: &{n} [{','.join('*' + p for _ in range(10))}]\n" for p, n in zip("abcdefg", "bcdefgh", strict=True)
        ),
        [
            "r1.yaml:6:1: unknown key 'a'",
            f"r1.yaml:6:20: {TOO_DEEP}",
            *(f"r1.yaml:{line}:1: unknown key {key!r}" for line, key in enumerate("bcdefgh", start=7)),
        ],
    ),
    "nested too deeply": (
        HEAD + "rules: " + "[" * 5000 + "]" * 5000 + "\n",
        ["r1.yaml:6:9: must be a mapping", f"r1.yaml:6:108: {TOO_DEEP}"],
    ),
    "unknown key of an account": (
        HEAD.replace('"}}', '", weekly: 5}}', 1) + RULE,
        ["r1.yaml:2:38: unknown key 'weekly'"],
    ),
    "unknown key of a secret": (
        HEAD.replace('["${FORM_SECRET}"]', '[{value: "${FORM_SECRET}", until: x}]') + RULE,
        ["r1.yaml:4:66: unknown key 'until'"],
    ),
    "unknown key of a signature": (
        HEAD.replace("provider: typeform,", "provider: json, signature: {header: X, colour: red},") + RULE,
        ["r1.yaml:4:49: unknown key 'colour'"],
    ),
    "unknown key of a sender": (
        HEAD.replace("acme.example}", "acme.example, zone: x}") + RULE,
        ["r1.yaml:5:61: unknown key 'zone'"],
    ),
    "unknown key of contact": (HEAD + RULE + "    contact: {get: {}}\n", ["r1.yaml:11:15: unknown key 'get'"]),
    "unknown key of dedupe": (HEAD + RULE + "    dedupe: {period: 3d}\n", ["r1.yaml:11:14: unknown key 'period'"]),
    "unknown key of an example": (
        HEAD + RULE + "    examples: [{name: x, event: {}, expect: none, got: x}]\n",
        ["r1.yaml:11:51: unknown key 'got'"],
    ),
    "unknown key of an expectation": (
        HEAD + RULE + "    examples: [{name: x, event: {}, expect: {enrol: x}}]\n",
        ["r1.yaml:11:46: unknown key 'enrol'"],
    ),
    "a cap of nothing": (
        HEAD.replace('"}}', '", per_10s: 0}}', 1) + RULE,
        ["r1.yaml:2:47: must be greater than or equal to 1"],
    ),
    "a rule with mistakes behind one that is no mapping": (
        HEAD + RULE.replace("rules:\n", "rules:\n  - 5\n").replace("source: form", "source: from"),
        ["r1.yaml:7:5: must be a mapping", "r1.yaml:9:13: there is no source 'from' in `sources`"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_reported_with_its_place(name: str) -> None:
    text, expected = CASES[name]
    found = mistakes(text)
    assert found == expected
    assert SECRET not in " ".join(found)


WRONG_VALUES = {
    "a provider": HEAD.replace("provider: typeform", 'provider: "${FORM_SECRET}"') + RULE,
    "a source": HEAD + RULE.replace("source: form", 'source: "${FORM_SECRET}"'),
    "a sender": HEAD + RULE.replace("sender: anna", 'sender: "${FORM_SECRET}"'),
    "an address": HEAD.replace("anna@acme.example", '"${FORM_SECRET}"') + RULE,
    "a user id": HEAD.replace('"7001"', '"${FORM_SECRET}"') + RULE,
    "a sequence": HEAD + RULE.replace('"310001"', '"${FORM_SECRET}"'),
    "an id twice": HEAD + (RULE + RULE.removeprefix("rules:\n")).replace("id: demo", 'id: "${FORM_SECRET}"'),
    "an id of a rule that does nothing": HEAD
    + RULE[: RULE.index("    enroll")].replace("id: demo", 'id: "${FORM_SECRET}"'),
    "a name in a condition": HEAD + RULE + "    when: ${FORM_SECRET}\n",
    "a field in a condition": HEAD + RULE + "    when: event.${FORM_SECRET}\n",
    "a text in a condition": HEAD + RULE + "    when: event.name == '${FORM_SECRET}\n",
    "a value": HEAD + RULE + '    contact: {set: {firstname: "${FORM_SECRET}"}}\n',
    "a duration": HEAD + RULE + '    dedupe: {for: "${FORM_SECRET}"}\n',
    "an end of a secret": HEAD.replace('["${FORM_SECRET}"]', '[{value: x, not_after: "${FORM_SECRET}"}]') + RULE,
    "a secret that is no base64": HEAD.replace("typeform", "standard-webhooks") + RULE,
    "an option": HEAD.replace("provider: typeform,", 'provider: segment, batches: "${FORM_SECRET}",') + RULE,
    "a version": HEAD.replace("version: 1", 'version: "${FORM_SECRET}"') + RULE,
}


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_a_secret_in_the_wrong_place_is_a_mistake_that_does_not_print_it(name: str) -> None:
    found = mistakes(WRONG_VALUES[name])
    assert found
    # The engine quotes single words of an expression, so no part of the secret may appear.
    assert not any(part in line for line in found for part in SECRET.split("-"))


def test_a_name_with_a_variable_in_it_is_quoted_as_it_was_written() -> None:
    found = mistakes(WRONG_VALUES["a sender"])
    assert found == ["r1.yaml:10:42: there is no sender '${FORM_SECRET}' in `senders`"]


def test_all_mistakes_are_reported_at_once_also_behind_one_another() -> None:
    rule = """rules:
  - source: form
    colour: red
    type: form_response
    when: event.emial == "x"
    contact: {set: {firstname: nonsense}}
    enroll: {sequence: 310001, sender: ben}
    dedupe: {for: long}
  - id: demo
    source: nowhere
    type: a
    enroll: 5
"""
    found = mistakes(HEAD.replace("typeform", "typefrom") + rule)
    places = [line.split(": ")[0] for line in found]
    assert places == [
        "r1.yaml:4:20",
        "r1.yaml:7:5",
        "r1.yaml:8:5",
        "r1.yaml:10:16",
        "r1.yaml:11:32",
        "r1.yaml:12:24",
        "r1.yaml:12:40",
        "r1.yaml:13:19",
        "r1.yaml:15:13",
        "r1.yaml:17:13",
    ]


def test_names_are_known_across_files_and_stand_in_one_only() -> None:
    assert mistakes(HEAD, "version: 1\n" + RULE) == []
    twice = mistakes(HEAD + RULE, 'version: 1\nsenders: {anna: {user_id: "7", email: a@acme.example}}\n')
    assert twice == ["r2.yaml:2:11: 'anna' stands in r1.yaml already"]
    assert mistakes(HEAD + RULE, "version: 1\n" + RULE) == ["r2.yaml:3:9: another rule is called 'demo' already"]


def test_what_another_file_may_hold_is_not_missed_while_that_file_cannot_be_read() -> None:
    found = mistakes("rules: [", "version: 1\n" + RULE, default=Account("main", "x"))
    assert len(found) == 1
    assert found[0].startswith("r1.yaml:")


TWO = HEAD.replace("accounts: {", 'accounts: {emea: {token: "pat-2"}, ')


def test_a_rule_names_its_account_where_there_are_several() -> None:
    expected = "there are several accounts: name one of emea, main as `account`"
    assert mistakes(TWO + RULE) == [f"r1.yaml:7:5: {expected}"]
    assert mistakes(TWO + RULE + "    account: emea\n") == []
    assert mistakes(TWO + RULE + "    account: apac\n") == ["r1.yaml:11:14: there is no account 'apac' in `accounts`"]
    assert mistakes(HEAD + RULE + "    account: apac\n") == ["r1.yaml:11:14: there is no account 'apac' in `accounts`"]
    assert mistakes(HEAD + RULE + "    account: main\n") == []


NO_ZONE = (
    "it goes by the sender's clock, and anna has no `timezone`: write it there, or `otherwise: Europe/Berlin` here"
)
NO_CONTACT_ZONE = "a contact may have no time zone: write `otherwise: Europe/Berlin`, or what you take it for then"
A_HOLIDAY = "write a day like 2026-12-25, or a country by its code, such as US or DE-BY"
WINDOW = "windows: {office: {days: mon-fri, hours: '09:00-17:00'%s}}\n"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (", otherwise: Europe/Berlin", []),
        (", timezone: Europe/Berlin", []),
        ("", [f"r1.yaml:6:19: {NO_ZONE}"]),
        (", timezone: contact", [f"r1.yaml:6:19: {NO_CONTACT_ZONE}"]),
        (", otherwise: UTC, timezone: Berlin",
         ["r1.yaml:6:83: there is no time zone 'Berlin': write one like Europe/Berlin"]),
        (", otherwise: UTC, holidays: [2026-12-24, '2026-12-25', US, DE-BY]", []),
        (", otherwise: UTC, holidays: [soon]", [f"r1.yaml:6:84: there are no holidays of 'soon': {A_HOLIDAY}"]),
        (", otherwise: UTC, holidays: [US, 2026-13-01]", [f"r1.yaml:6:88: {A_HOLIDAY}"]),
        (", otherwise: UTC, holidays: [DE-Bayrn]",
         ["r1.yaml:6:84: there are no holidays of a part 'Bayrn' of DE: did you mean BY?"]),
    ],
)  # fmt: skip
def test_a_window_says_whose_clock_it_goes_by(keys: str, expected: list[str]) -> None:
    assert mistakes(HEAD + WINDOW % keys + RULE.replace("anna}", "anna, window: office}")) == expected


@pytest.mark.parametrize(
    ("pools", "expected"),
    [
        ("emea: {senders: [anna]}", []),
        ("emea: {senders: {anna: 3}}", []),
        ("emea: {senders: [anna, bob]}", ["r1.yaml:6:32: there is no sender 'bob' in `senders`"]),
        ("emea: {senders: {anna: 1, bob: 2}}", ["r1.yaml:6:35: there is no sender 'bob' in `senders`"]),
        ("emea: {senders: []}", ["r1.yaml:6:25: must not be empty"]),
        ("anna: {senders: [anna]}", ["r1.yaml:6:9: a sender is called 'anna', too"]),
        ("contact-owner: {senders: [anna]}",
         ["r1.yaml:6:9: 'contact-owner' means something of its own: choose another name"]),
    ],
)  # fmt: skip
def test_a_pool_names_senders(pools: str, expected: list[str]) -> None:
    assert mistakes(HEAD + f"pools: {{{pools}}}\n" + RULE) == expected


@pytest.mark.parametrize(
    ("account", "rule", "expected"),
    [
        ("", "contact: {set: {hs_lead_status: event.name}}",
         ["r1.yaml:11:21: 'hs_lead_status' is HubSpot's own: rules may not write it"]),
        ("", "contact: {set: {email: event.name}}",
         ["r1.yaml:11:21: 'email' is HubSpot's own: rules may not write it"]),
        ("", "contact: {require: {hs_x: there}}", ["r1.yaml:11:25: 'hs_x' is HubSpot's own: rules may not write it"]),
        ("", "contact: {require: {hs_x: null}}", []),
        ("", "contact: {require: [hs_x]}", []),
        (", writable: [city]", "contact: {set: {city: event.name}}", []),
        (", writable: [city]", "contact: {set: {company: event.name}}",
         ["r1.yaml:11:21: 'company' is not among the account's `writable`: rules may not write it"]),
        (", writable: [city, hs_lead_status]", "contact: {set: {hs_lead_status: event.name}}", []),
        (", writable: [city, email, hubspot_owner_id, hs_latest_sequence_enrolled]", "priority: 5",
         [f"r1.yaml:2:{column}: {name!r} {NEVER}" for column, name in
          [(55, "email"), (62, "hubspot_owner_id"), (80, "hs_latest_sequence_enrolled")]]),
        (", write_back: {source: email, rule: hubspot_owner_id, decision: hs_lead_status}", "priority: 5",
         [f"r1.yaml:2:{column}: {name!r} {OWN}" for column, name in
          [(59, "email"), (72, "hubspot_owner_id"), (100, "hs_lead_status")]]),
        (", writable: [city], write_back: {source: segue_source}, unenroll: {property: segue_out}", "priority: 5", []),
        (", unenroll: {property: email}", "if_already_enrolled: replace", [f"r1.yaml:2:59: 'email' {OWN}"]),
        (", unenroll: {property: hs_out}", "unenroll: false", [f"r1.yaml:2:59: 'hs_out' {OWN}"]),
        ("", 'contact: {require: {firstname: "  ", company: "", city: there}}',
         ["r1.yaml:11:36: must not be empty", "r1.yaml:11:51: must not be empty"]),
        ("", 'contact: {require: {firstname: "\\u00a0"}}', ["r1.yaml:11:36: must not be empty"]),
        (", per_person: {enrollments: 0, per: 1d}", "priority: 5",
         ["r1.yaml:2:64: must be greater than or equal to 1"]),
        (", daily: 10", "priority: 5",
         ["r1.yaml:2:45: account 'main': `daily` needs the `timezone` that HubSpot shows for the account"]),
        (", daily: 10, timezone: Europe/Berlin", "priority: 5", []),
        ("", "owner: bob",
         ["r1.yaml:11:12: there is no sender 'bob' in `senders`; write keep, sender, or one of them"]),
        ("", "owner: sender", []),
    ],
)  # fmt: skip
def test_what_is_written_to_contacts(account: str, rule: str, expected: list[str]) -> None:
    head = HEAD.replace('"${TOKEN}"', f'"${{TOKEN}}"{account}')
    assert mistakes(head + RULE + f"    {rule}\n") == expected


def test_an_entry_that_suppresses_no_person_or_every_person_is_reported() -> None:
    expected = "write an address, a domain, or a pattern: ada@corp.example, corp.example, *.corp.example"
    assert mistakes(HEAD + "suppress: [rival.example, '*']\n" + RULE) == [f"r1.yaml:6:27: {expected}"]
    expected = (
        "this domain has no ASCII form (IDNA), by which addresses are looked for: where letters beyond ASCII stand, "
        "a star stands for whole parts between dots, *.b\u00fccher.example"
    )
    assert mistakes(HEAD + "suppress: [b\u00fccher.example, '*b\u00fccher.example']\n" + RULE) == [
        f"r1.yaml:6:28: {expected}"
    ]


def test_the_next_sender_must_exist() -> None:
    alone = RULE.replace("anna}", "anna, on_sender_full: next-sender}")
    expected = "there is no next sender: name a pool as `sender`, or a sender as `fallback`"
    assert mistakes(HEAD + alone) == [f"r1.yaml:10:64: {expected}"]
    assert mistakes(HEAD + alone.replace("anna,", "anna, fallback: anna,")) == []
    assert mistakes(HEAD + RULE.replace("anna}", "contact-owner, fallback: bob}")) == [
        "r1.yaml:10:67: there is no sender 'bob' in `senders`"
    ]


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ('{token: "${TOKEN}"}', False),
        ('{token: "${TOKEN}", oauth: false}', False),
        ("{oauth: true}", False),
        ("{oauth: true, per_10s: 50}", False),
        ("{}", True),
        ("{oauth: false}", True),
        ('{token: "${TOKEN}", oauth: true}', True),
    ],
)
def test_an_account_has_a_token_or_joins_by_oauth(entry: str, *, wrong: bool) -> None:
    expected = ["r1.yaml:2:18: account 'main': write one of `token` and `oauth: true`"] if wrong else []
    assert mistakes(HEAD.replace('{token: "${TOKEN}"}', entry) + RULE) == expected


def test_two_accounts_with_one_token_are_one_account_twice() -> None:
    again = '{token: "${TOKEN}"}, apac: {token: "${TOKEN}"}'
    text = HEAD.replace('{token: "${TOKEN}"}', again) + RULE + "    account: main\n"
    (mistake,) = mistakes(text)
    assert mistake.endswith("account 'apac' has the token of account 'main': one HubSpot account is one account here")


def test_a_source_of_hubspots_objects_may_name_its_account_where_there_are_several() -> None:
    portal = '  form: {provider: hubspot, secrets: ["${FORM_SECRET}"]%s}\n'
    text = TWO.replace('  form: {provider: typeform, secrets: ["${FORM_SECRET}"]}\n', portal) + RULE.replace(
        "type: form_response", "type: form_response\n    account: emea"
    )
    assert mistakes(text % "") == []
    assert mistakes(text % ", account: emea") == []
    (found,) = mistakes(text % ", account: apac")
    assert found.endswith("there is no account 'apac' in `accounts`")


def test_an_account_in_a_file_that_cannot_be_read_is_not_missed() -> None:
    found = mistakes("rules: [", TWO + RULE + "    account: apac\n")
    assert len(found) == 1


def test_the_account_of_the_environment_stands_in() -> None:
    text = HEAD.replace('accounts: {main: {token: "${TOKEN}"}}\n', "") + RULE
    assert mistakes(text, default=Account("main", "x")) == []


def test_a_doubled_dollar_is_one_dollar() -> None:
    assert mistakes(HEAD.replace("${FORM_SECRET}", "$${NOT_A_VARIABLE}") + RULE) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"\xff\xfe\x00v", "is not UTF-8 text"), (None, "cannot be read: No such file or directory")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "rules.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RulebookError) as refused:
        read_documents(path)
    assert f"{path}:1:1: {expected}" in str(refused.value)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(RulebookError, match=r"the folder holds no \*\.yaml file"):
        read_documents(tmp_path)
