"""`segue demo`: real processes, real HTTP, signed events, and a table with the outcome of each."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import orjson
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.accounts.sandbox_mode import practice_environment
from app.cli.demo_events import Sample, all_samples
from app.clock import utc_now
from app.errors import StartError
from app.model import Secret
from app.rules.file.documents import read_documents
from app.rules.load import load
from app.rules.rulebook import Rulebook
from app.sources import PROVIDERS
from app.variables import FILE

# A wheel has the example inside, beside this module; a checkout has it among its rules.
EXAMPLES = (Path(__file__).with_name("example.yaml"), Path(__file__).parents[2] / "deploy" / "rules" / "example.yaml")
TOOLS = ("TYPEFORM", "SEGMENT", "CRM", "ZOOM", "CALENDLY", "STRIPE", "HUBSPOT_APP", "INTERNAL")
SECRETS = tuple(f"{tool}_SECRET" for tool in TOOLS)
START_SECONDS = 60.0
TABLE_WIDTH = 150
FINISH_SECONDS = 60.0
RESTING = frozenset({"enrolled", "refused", "parked", "held", "done", "cancelled", "expired"})


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery and its answer."""

    sample: Sample
    status: int
    answer: dict[str, Any]


def run(*, stay: bool | None, rules: Path | None) -> int:
    """Run the demonstration; return its exit code. On a terminal the service stays up until Ctrl-C."""
    # Without a terminal the table goes to a file or a log, which has room for a wide one.
    console = Console() if sys.stdout.isatty() else Console(width=TABLE_WIDTH)
    environment = _environment(rules.absolute() if rules else next(path for path in EXAMPLES if path.exists()))
    with _service(environment) as (url, sandbox), httpx.Client(base_url=url, timeout=30.0) as client:
        console.print(f"Segue listens on {url}, the HubSpot sandbox on {sandbox}")
        started = time.monotonic()
        sent = _send_all(client, environment, console)
        enrollments = _wait(client, environment, console)
        console.print(_table(client, environment, sent, enrollments))
        _sum_up(console, sent, enrollments, time.monotonic() - started)
        if sys.stdout.isatty() if stay is None else stay:
            _stay(console, url, sandbox, environment)
    return 0


def _environment(rules: Path) -> dict[str, str]:
    """Return an environment with secrets for this run; its data is deleted at the end."""
    made = {name: secrets.token_hex(16) for name in SECRETS}
    replaced = ("SEGUE_", *(f"{name}{FILE}" for name in SECRETS))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(replaced)}
    own = {
        "SEGUE_CONFIG": str(rules),
        "SEGUE_DATA_DIR": tempfile.mkdtemp(prefix="segue-demo-", dir="/tmp"),  # socket paths must be short
        "SEGUE_PORT": "0",
        "SEGUE_TOKENS": f"demo admin {secrets.token_urlsafe(32)}",
        "SEGUE_LOG_FORMAT": "json",
        "SEGUE_SETTLE_SECONDS": "6",
    }
    return kept | made | own


@contextlib.contextmanager
def _service(environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Run `serve --sandbox` as a process; yield its URL and the sandbox's."""
    folder = Path(environment["SEGUE_DATA_DIR"])
    folder.chmod(0o755)
    log = folder / "segue.log"
    command = [sys.executable, "-m", "app", "serve", "--sandbox"]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=Path(__file__).parents[2]
        )
        try:
            yield _wait_for_start(process, log)
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)


def _wait_for_start(process: subprocess.Popen[bytes], log: Path) -> tuple[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        logged = {line.get("event"): line for line in _lines(log)}
        if "service.started" in logged:
            port = logged["service.started"]["ports"][0]
            return f"http://127.0.0.1:{port}", logged["sandbox.started"]["url"]
        time.sleep(0.05)
    raise StartError(f"the service does not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _lines(log: Path) -> list[dict[str, Any]]:
    found = []
    for line in log.read_bytes().splitlines():
        with contextlib.suppress(orjson.JSONDecodeError):
            found.append(orjson.loads(line))
    return found


def _send_all(client: httpx.Client, environment: dict[str, str], console: Console) -> list[Sent]:
    documents = read_documents(Path(environment["SEGUE_CONFIG"]))
    book = load(documents, environment=practice_environment(environment), providers=PROVIDERS)
    samples = all_samples()
    sent = []
    with Progress(console=console) as progress:
        bar = progress.add_task("sending signed events", total=sum(1 + sample.repeats for sample in samples))
        for sample in samples:
            for _ in range(1 + sample.repeats):
                sent.append(_send(client, book, sample))
                progress.advance(bar)
    return sent


def _send(client: httpx.Client, book: Rulebook, sample: Sample) -> Sent:
    """Sign one event as its tool does, and post it."""
    source = book.sources[sample.source]
    body = orjson.dumps(sample.body)
    url = str(client.base_url.join(f"/webhooks/{source.name}"))
    live = replace(source, secrets=tuple(Secret(secret.value) for secret in source.secrets))
    headers = PROVIDERS[source.provider].sign(body, live, utc_now(), method="POST", url=url)
    if sample.tampered:
        body = body.replace(b"evil", b"EVIL", 1)
    reply = client.post(url, content=body, headers={"content-type": "application/json", **headers})
    return Sent(sample, reply.status_code, reply.json())


def _ask(client: httpx.Client, environment: dict[str, str], path: str) -> list[dict[str, Any]]:
    headers = {"authorization": f"Bearer {_token(environment)}"}
    return list(client.get(f"/api/v1/{path}?limit=200", headers=headers).json()["items"])


def _token(environment: dict[str, str]) -> str:
    return environment["SEGUE_TOKENS"].split()[-1]


def _wait(client: httpx.Client, environment: dict[str, str], console: Console) -> dict[str, dict[str, Any]]:
    """Wait until every enrollment is in a resting state; return them by id."""
    deadline = time.monotonic() + FINISH_SECONDS
    with Progress(console=console) as progress:
        bar = progress.add_task("enrolling", total=None)
        while True:
            rows = _ask(client, environment, "enrollments")
            rested = [row for row in rows if row["state"] in RESTING]
            progress.update(bar, total=len(rows), completed=len(rested))
            if len(rested) == len(rows) or time.monotonic() > deadline:
                return {row["id"]: row for row in rows}
            time.sleep(0.1)


def _table(
    client: httpx.Client, environment: dict[str, str], sent: list[Sent], enrollments: dict[str, dict[str, Any]]
) -> Table:
    decisions = {row["delivery_id"]: row for row in _ask(client, environment, "decisions")}
    table = Table(title="What became of each event", header_style="bold")
    for name in ("event", "person", "rule", "sender", "outcome", "reason"):
        table.add_column(name, overflow="fold", ratio=2 if name == "reason" else None)
    for item in sent:
        table.add_row(item.sample.title, _person(item.sample), *_outcome(item, decisions, enrollments))
    return table


def _person(sample: Sample) -> str:
    text = orjson.dumps(sample.body).decode()
    start = text.find('"email":"')
    return text[start + 9 : text.find('"', start + 9)] if start >= 0 else ""


def _outcome(
    item: Sent, decisions: dict[str, dict[str, Any]], enrollments: dict[str, dict[str, Any]]
) -> tuple[str, str, str, str]:
    """Return rule, sender, outcome and reason of one delivery."""
    if item.status != 200:  # noqa: PLR2004  # HTTP's OK
        return "", "", f"[red]{item.status}[/]", "the signature does not match"
    if item.answer.get("duplicate"):
        return "", "", "seen before", f"same as {item.answer['id'][-8:]}"
    decision = decisions.get(item.answer["id"])
    if decision is None:
        return "", "", "not heard", "no rule listens"
    enrollment = enrollments.get(decision["enrollment_id"] or "")
    if enrollment is None:
        return decision["rule"] or "", "", f"[yellow]no: {decision['verdict']}[/]", decision["reason"]
    colour = "green" if enrollment["state"] == "enrolled" else "red" if enrollment["state"] == "refused" else "yellow"
    reason = enrollment["detail"] or enrollment["reason"] or ""
    return decision["rule"], enrollment["sender"], f"[{colour}]{enrollment['state']}[/]", reason


def _sum_up(console: Console, sent: list[Sent], enrollments: dict[str, dict[str, Any]], seconds: float) -> None:
    states = Counter(row["state"] for row in enrollments.values())
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    console.print(f"{len(sent)} deliveries, {len(enrollments)} enrollments ({counts}) in {seconds:.1f} s")


def _stay(console: Console, url: str, sandbox: str, environment: dict[str, str]) -> None:
    console.print(f"\nThe service stays up. Look at {sandbox} (HubSpot's side) and {url}/docs (ours);")
    console.print(f"the admin token is {_token(environment)} (a browser asks for it as a password). Ctrl-C ends it.")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)
