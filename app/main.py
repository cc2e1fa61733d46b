"""The composition root: prepare once, then fork the processes that receive and enroll, and watch them."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import structlog

from app import workers
from app.accounts.sandbox_mode import running_sandbox
from app.audit.act import acting, command_act, system_act
from app.audit.wiring import migrate_as
from app.clock import utc_now
from app.console.on_demand import ConsoleOnDemand
from app.database.embedded.wiring import data_dir
from app.database.migrate import require_migrated
from app.database.wiring import database_url
from app.errors import StartError
from app.networks import is_unencrypted
from app.observability.shared import PARENT, Shared, Slot
from app.operators import Role
from app.process import open_process
from app.processes import Child, Supervisor, leave_to_parent, run_alone, run_apart, run_as_child
from app.processes.imports import import_for_children
from app.web import wiring as web
from app.web.server import spare_collector

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from app.database.embedded import EmbeddedPostgres
    from app.process import Process
    from app.processes import Parent
    from app.rules.rulebook import Rulebook
    from app.settings import Settings

WEB, WORKER = "web", "worker"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """What the processes of one service have in common: the sockets, the slots of shared memory, what opens each."""

    settings: Settings
    environment: Mapping[str, str]
    database: str
    sandbox: str | None
    sockets: Sequence[socket.socket]
    slots: Sequence[Slot]

    def open(self, slot: Slot) -> AbstractAsyncContextManager[Process]:
        """Open the process that has this slot."""
        shared = Shared(slot, self.slots)
        return open_process(self.settings, self.environment, self.database, sandbox=self.sandbox, shared=shared)


def serve(
    settings: Settings,
    environment: Mapping[str, str],
    opened: Callable[[], EmbeddedPostgres | None],
    *,
    processes: int = 1,
    with_worker: bool = True,
    with_sandbox: bool = False,
) -> None:
    """Receive webhooks in `processes` processes, and enroll in one more unless workers run apart.

    `opened` waits for the private database. It ends at SIGTERM or SIGINT. Raises StartError.
    """
    with ExitStack() as stack:
        server = opened()
        database = server.url if server else database_url(settings, data_dir(settings, practice=with_sandbox))
        sandbox = stack.enter_context(running_sandbox()) if with_sandbox else None
        sockets = web.bind(settings)
        parent = Slot(PARENT, PARENT)
        receivers = [Slot(f"{WEB}-{number}", WEB) for number in range(1, processes + 1)]
        enrollers = [Slot(WORKER, WORKER)] if with_worker else []
        service = Service(settings, environment, database, sandbox, sockets, [parent, *receivers, *enrollers])
        # Alembic takes 8 MB, which the other processes would share.
        migration = Child(Slot("migration", PARENT), lambda _: migrate_as(system_act("start"), settings, database))
        run_apart(migration, leave=partial(leave_to_parent, sockets, server))
        rules = asyncio.run(_prepare(service, parent))
        import_for_children(web.resource_modules)
        receive, enroll = partial(_receive, service, rules, sweep=not with_worker), partial(_enroll, service, rules)
        children = [Child(slot, partial(receive, slot), last=True) for slot in receivers]
        children += [Child(slot, partial(enroll, slot)) for slot in enrollers]
        Supervisor(children, sockets=sockets, server=server).run()


async def _prepare(service: Service, slot: Slot) -> tuple[Rulebook, int]:
    """Check the database, and put the rules in force; return them with their number."""
    async with service.open(slot) as process:
        await process.check_database()
        try:
            await process.rulebook.start()
        except StartError as error:
            practise = "\nto practise without a HubSpot account: `segue serve --sandbox`, or `segue demo`"
            raise StartError(f"{error}{'' if process.practice else practise}") from error
        if process.practice and not is_unencrypted(f"http://{service.settings.host}"):
            sys.stderr.write(f"The console: {await _link(process, service.sockets[-1])}\n")
        return process.current_rulebook(), process.rulebook.number


async def _link(process: Process, bound: socket.socket) -> str:
    """Return a link that signs one browser in to the console, for a person who practises on this machine."""
    links, store = (
        import_module(f"app.console.signin.{name}") for name in ("links", "store")
    )  # no other start needs it
    base = links.base_url(None, process.settings.host, bound.getsockname()[1])
    with acting(system_act("start")):
        link = links.make_link(store.SignInStore(process.engine), base, role=Role.ADMIN, name="practice", now=utc_now())
        return str(await link)


async def _receive(service: Service, rules: tuple[Rulebook, int], slot: Slot, parent: Parent, *, sweep: bool) -> None:
    """Receive webhooks, and answer operators."""
    async with service.open(slot) as process:
        process.stopping = parent.stopping
        await process.rulebook.resume(*rules)
        # The pages come after the process has begun to serve, and live as long: some ten thousand objects.
        apps = await web.applications(process, partial(ConsoleOnDemand, built=spare_collector))
        process.maintain(sweep=sweep)
        served = dict(zip(web.listeners(process, service.sockets), apps, strict=True))
        await run_as_child(process, served, parent, name=slot.name)


async def _enroll(service: Service, rules: tuple[Rulebook, int], slot: Slot, parent: Parent) -> None:
    """Enroll, and do all other work in the background."""
    for bound in service.sockets:
        bound.close()
    async with service.open(slot) as process:
        process.stopping = parent.stopping
        await process.rulebook.resume(*rules)
        await workers.start(process)
        process.maintain()
        await run_as_child(process, {}, parent, name=slot.name)


async def work(settings: Settings, environment: Mapping[str, str]) -> None:
    """Enroll only, until SIGTERM or SIGINT, by the rulebook that `serve` put in force."""
    async with open_process(settings, environment, database_url(settings, settings.data_dir)) as process:
        await require_migrated(process.engine)
        await process.check_database()
        await process.rulebook.start_from_store()
        await workers.start(process)
        process.maintain()
        await run_alone(process, web.worker_listener(process))


def migrate_only(settings: Settings, opened: Callable[[], EmbeddedPostgres | None]) -> None:
    """Migrate the database, and do nothing else."""
    server = opened()
    database = server.url if server else database_url(settings, settings.data_dir)
    revision = asyncio.run(migrate_as(command_act("migrate"), settings, database))
    log.info("database.migrated", revision=revision)
