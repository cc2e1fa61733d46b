"""Build the HTTP side: the public application, the operators' application, and where each listens."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from app.audit.store import AuditStore
from app.followup.hint_store import HintStore
from app.ids import Ids
from app.intake.decide import Decider
from app.intake.group_commit import GroupCommit
from app.intake.receive import ContactNews, Intake
from app.intake.rejected_store import RejectedDeliveries
from app.intake.wiring import redecider, resent
from app.sources import PROVIDERS
from app.tallies import wiring as tallies_wiring
from app.web import api, auth, health, server
from app.web.access.attempts import Attempts, Budget
from app.web.access.gate import REFUSALS_PER_MINUTE, Gate
from app.web.access.record import Recorder
from app.web.access.routes import guarded_routes
from app.web.access.tokens import Tokens
from app.web.app import create_app
from app.web.direct import DeliveryProtocol
from app.web.edge import Edge
from app.web.file_limit import FileWatch, room_for
from app.web.limits import Limits
from app.web.pages import connect, reference
from app.web.server import Listener
from app.web.webhooks import Webhooks

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from fastapi import APIRouter, FastAPI
    from starlette.types import ASGIApp

    from app.networks import Networks
    from app.process import Process
    from app.settings import Settings

PAGES = frozenset({"/metrics", "/docs", "/openapi.json"})
OPERATORS_CONNECTIONS = 50  # of an orchestrator, a scraper and some people


def resource_modules() -> list[ModuleType]:
    """Import the modules of `app.web.api` that are resources, by name."""
    names = sorted(module.name for module in iter_modules(api.__path__))
    resources = [one for one in names if not (one.startswith("_") or one.endswith("_models") or one == "common")]
    return [import_module(f"{api.__name__}.{name}") for name in resources]


def bind(settings: Settings) -> list[socket.socket]:
    """Return sockets that listen for the applications, in their order. Raises StartError."""
    sockets = [server.bind(settings.host, settings.port, "SEGUE_PORT")]
    if settings.admin_port is not None:
        sockets.append(server.bind(settings.host, settings.admin_port, "SEGUE_ADMIN_PORT"))
    return sockets


def listeners(process: Process, sockets: Iterable[socket.socket]) -> list[Listener]:
    """Return listeners with limits: anyone can reach the public port, neighbours the operators' one.

    The operators' port has limits of its own, so that it answers while the public one has no room.
    """
    settings, usual = process.settings, Limits()
    # A body of the largest size must not be the one that gives way because it is alone.
    body_bytes = max(usual.body_bytes, 2 * settings.max_body_bytes)
    senders = replace(usual, connections=room_for(settings.connections), body_bytes=body_bytes)
    limits = [senders, replace(usual, connections=OPERATORS_CONNECTIONS)]
    watch = FileWatch(process.metrics.file_limit_reached)
    return [_listener(process, bound, limit, watch) for bound, limit in zip(sockets, limits, strict=False)]


def _listener(process: Process, bound: socket.socket, limits: Limits, watch: FileWatch) -> Listener:
    rejected, trusted = process.metrics.request_rejected, process.settings.trusted_proxies
    edge = Edge(limits, rejected=rejected)
    protocol = partial(DeliveryProtocol, limits=limits, rejected=rejected, edge=edge, trusted=trusted)
    return Listener(bound, protocol=protocol, edge=edge, each_second=watch.look)


def worker_listener(process: Process) -> dict[Listener, FastAPI]:
    """Return the application with a worker's health and metrics, on the operators' port where one is set."""
    settings = process.settings
    if settings.admin_port is None:
        return {}
    routers = [health.health(process), health.metrics(process)]
    bound = server.bind(settings.host, settings.admin_port, "SEGUE_ADMIN_PORT")
    (listener,) = listeners(process, [bound])
    return {listener: create_app(routers)}


async def applications(
    process: Process, console: Callable[[Process, Gate, Recorder], ASGIApp] | None = None
) -> list[FastAPI]:
    """Return the public application and, where operators have a port of their own, theirs.

    `console` returns the pages for people, which are beside the operators' routes.
    """
    settings = process.settings
    await tallies_wiring.start_counting(process)
    # The operators' routes are made for the first request that the gate lets in.
    resources, trusted = cache(partial(_resources, process)), settings.trusted_proxies
    # Neighbours alone reach a port of the operators' own; the public one has what is shown there behind a token.
    pages = PAGES if settings.admin_port is None else frozenset[str]()
    gate = _gate(process, resources, pages, trusted)
    recorder, webhooks = Recorder(AuditStore(process.engine).write), await _webhooks(process, trusted)
    connector = process.oauth.connector if process.oauth else None
    public = [health.health(process), connect.router(connector, gate.address, recorder.refused)]
    described = [health.metrics(process), reference.router(gate.tokens)]
    guarded: dict[str, Any] = {
        "gate": gate,
        "recorder": recorder,
        "operators": lambda: auth.operators_only(resources()),
        "console": console(process, gate, recorder) if console else None,
    }
    if settings.admin_port is None:
        return [create_app([*public, auth.with_token_only(described)], webhooks=webhooks, **guarded)]
    return [create_app(public, webhooks=webhooks), create_app(described, **guarded)]


def _gate(process: Process, resources: Callable[[], list[APIRouter]], pages: frozenset[str], trusted: Networks) -> Gate:
    """Return the gate before operators' routes."""

    def revision() -> str | None:
        return process.rulebook.current.revision if process.rulebook.current else None

    return Gate(
        Tokens(process.variable),
        cache(lambda: guarded_routes(resources())),
        pages,
        trusted,
        Attempts(process.shared.parent if process.shared else None),
        Budget(REFUSALS_PER_MINUTE),
        refused=process.metrics.admin_refused,
        revision=revision,
    )


def _resources(process: Process) -> list[APIRouter]:
    """Return the routes of each resource: what `routes` of each module of `app.web.api` returns, by name."""
    return [resource.routes(process) for resource in resource_modules()]


async def _webhooks(process: Process, trusted: Networks) -> Webhooks:
    """Return what receives deliveries. The process closes its stores when it ends."""
    stopping = process.stopping.is_set
    writer = GroupCommit(process.engine.url, limit=process.settings.queue_limit, stopping=stopping)
    rejected, hints = RejectedDeliveries(process.engine), HintStore(process.engine)
    for store in (writer, rejected, hints):
        store.start()
        process.stack.push_async_callback(store.close)
    ids, metrics = Ids(), process.metrics
    intake = Intake(
        rulebook=lambda: process.rulebook.current,
        providers=PROVIDERS,
        maximum_body=process.settings.max_body_bytes,
        queue=writer,
        keep_rejected=rejected.keep,
        decider=Decider(new_id=ids, hash_email=await process.hasher(), metrics=metrics),
        metrics=metrics,
        contacts=ContactNews(hints.keep, (await process.forgetter()).begin_contacts),
        decide_again=resent(await redecider(process)),
    )
    process.receive = intake.receive
    public_url = str(process.settings.public_url or "").rstrip("/")
    return Webhooks(intake, process.settings.max_body_bytes, public_url, ids, metrics, process.unknown_paths, trusted)
