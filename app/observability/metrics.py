"""All metrics of a process, in a registry of their own. No label holds a person or an id.

Names follow Prometheus's practices: one prefix, base units, `_total` on counters.
"""

from __future__ import annotations

from functools import cache
from math import isnan, nan
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.model import State
from app.model.states import FINAL
from app.observability.hourly import HourlyCounts
from app.observability.shared_metrics import MOST_RECENT, labels_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from prometheus_client import Metric
    from prometheus_client.metrics import MetricWrapperBase

    from app.observability.shared import Shared

ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
COMMIT_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LAG_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400)
SECONDS = Histogram.DEFAULT_BUCKETS
MAXIMUM_REASONS = 80
DAILY = "daily"
RATE = "segue_hubspot_rate_remaining"
NO_VALUE = nan


class Metrics:
    """The metrics of one process, or of all processes of a service where `shared` is given.

    A metric that counts or observes and does nothing else is a function itself; it takes the values of its labels.
    """

    def __init__(self, version: str = "", shared: Shared | None = None) -> None:
        self.registry = CollectorRegistry()
        self.hourly = HourlyCounts()
        self._shared = shared
        self._by_name: dict[str, MetricWrapperBase] = {}
        self._count_deliveries()
        self._count_enrollments()
        self._count_requests()
        self._durations()
        self._gauges()
        self._build.labels(version).set(1)
        # The library takes longer to find a labelled child than to count: this caches those of the hot path.
        self._child = cache(lambda counter, *labels: counter.labels(*labels))
        # It also checks each call of `inc`; what is counted here is a number of things.
        self._adding = cache(lambda counter, *labels: counter.labels(*labels)._value.inc)  # noqa: SLF001  # as said
        self._reasons: set[str] = set()
        self._spent_days: set[str] = set()
        self._silences: set[str] = set()

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        counter = Counter(f"segue_{name}", description, labels, registry=self.registry)
        self._by_name[f"segue_{name.removesuffix('_total')}"] = counter
        return counter

    def _counting(self, name: str, description: str, *labels: str) -> Callable[..., None]:
        counter = self._counter(name, description, *labels)
        return lambda *values: self._child(counter, *values).inc()

    def _count_deliveries(self) -> None:
        self._received = self._counter("webhooks_received_total", "Deliveries by how they ended", "source", "result")
        self._rejected = self._counter("webhooks_rejected_total", "Deliveries turned away", "source", "reason")
        self.request_rejected: Callable[[str], None] = self._counting(
            "requests_rejected_total", "Requests beyond a limit of connections", "reason"
        )
        self.admin_refused: Callable[[str], None] = self._counting(
            "admin_refused_total", "Requests of operators that were not let in", "reason"
        )
        self.file_limit_reached: Callable[[], None] = self._counter(
            "file_limit_reached_total", "Times at which a process could open no more files or connections"
        ).inc
        self.unknown_path: Callable[[], None] = self._counter(
            "unknown_paths_total", "Requests of webhooks that were answered 404: the path is no source's"
        ).inc
        self._duplicates = self._counter("duplicates_total", "Repeated events, and repeated intents", "source", "kind")
        self.enriched: Callable[[str, str], None] = self._counting(
            "enrichments_total", "Thin events that were asked about", "source", "outcome"
        )
        self._dropped = self._counter("members_dropped_total", "Members of batches that cannot be used", "source")
        self._cut = self._counter("fields_cut_total", "Fields of events that were too long to keep whole", "source")
        self._unheard = self._counter("unheard_total", "Events that no rule listens to", "source")
        self._decisions = self._counter("decisions_total", "Decisions by rule and verdict", "rule", "outcome")
        self.rule_error: Callable[[str], None] = self._counting(
            "rule_errors_total", "Rules that could not be evaluated", "rule"
        )

    def _count_enrollments(self) -> None:
        self._enrollments = self._counter(
            "enrollments_total", "Transitions of enrollments", "sequence", "outcome", "reason"
        )
        self.write_back_dropped: Callable[[str, str], None] = self._counting(
            "write_backs_dropped_total",
            "Contacts written without a write-back that HubSpot refuses",
            "account",
            "property",
        )
        self._parked = self._counter("parked_total", "Enrollments that a person must look at", "class")
        self.settled: Callable[[str], None] = self._counting(
            "settled_total", "Requests without an answer, settled", "result"
        )
        self.confirmed: Callable[[str], None] = self._counting(
            "confirmations_total", "What HubSpot showed later", "result"
        )
        self._ends = self._counter(
            "ends_total",
            "Ends that were learnt of, and whether known or inferred",
            "account",
            "sequence",
            "how",
            "known",
        )
        self._replies = self._counter("replies_total", "Replies that were learnt of", "account", "sequence")
        self._looks = self._counter("follow_looks_total", "Looks at what became of enrollments", "account", "result")
        self._follow_calls = self._counter("follow_calls_total", "Calls that following has cost", "account", "kind")

    def _count_requests(self) -> None:
        self._calls = self._counter("hubspot_requests_total", "Requests to HubSpot", "account", "endpoint", "status")
        self._throttled = self._counter("hubspot_throttled_total", "429s: each one is a defect of the pace", "account")
        self.sending_repeated: Callable[[str], None] = self._counting(
            "sending_repeats_total", "Commits of `sending` that were too old when their request could leave", "account"
        )
        self._outbound = self._counter("outbound_total", "Events for endpoints, by outcome", "endpoint", "outcome")

    def _histogram(self, name: str, description: str, *labels: str, buckets: Sequence[float] = SECONDS) -> Histogram:
        histogram = Histogram(f"segue_{name}", description, labels, buckets=buckets, registry=self.registry)
        self._by_name[f"segue_{name}"] = histogram
        return histogram

    def _durations(self) -> None:
        self.ack = self._histogram(
            "webhook_ack_duration_seconds", "From the first byte of a delivery to its answer", buckets=ACK_BUCKETS
        ).observe
        self.enrollment_lag = self._histogram(
            "enrollment_lag_seconds", "From a delivery's arrival to its enrollment", buckets=LAG_BUCKETS
        ).observe
        self.sending_committed = self._histogram(
            "sending_commit_duration_seconds",
            "Commits of `sending`, each for all that were ready to be sent",
            buckets=COMMIT_BUCKETS,
        ).observe
        self._call_duration = self._histogram("hubspot_request_duration_seconds", "HubSpot's answers", "endpoint")

    def _gauge(self, name: str, description: str, *labels: str) -> Gauge:
        """Return a gauge that is set on each scrape, by the process that answers."""
        return Gauge(f"segue_{name}", description, labels, registry=self.registry)

    def _kept_gauge(self, name: str, description: str, *labels: str) -> Gauge:
        """Return a gauge that a process sets when it learns of a new value; of several the last one counts."""
        gauge = Gauge(f"segue_{name}", description, labels, registry=self.registry, multiprocess_mode=MOST_RECENT)
        self._by_name[f"segue_{name}"] = gauge
        return gauge

    def _gauges(self) -> None:
        self._jobs = self._gauge("jobs", "Enrollments by state, final ones left out", "state")
        self._table_bytes = self._kept_gauge("table_bytes", "Bytes of each table, its indexes included", "table")
        self._oldest = self._gauge("oldest_job_age_seconds", "Age of the oldest enrollment that is due")
        self._budget = self._gauge("sender_budget_remaining", "Enrollments left in 24 hours", "account", "sender")
        self._paused = self._gauge("sender_paused", "1 while nothing is sent by a sender", "account", "sender")
        self._connected = self._gauge("account_connected", "0 while an account by OAuth is not connected", "account")
        self._rate = self._kept_gauge(
            "hubspot_rate_remaining", "Requests left by HubSpot's own count", "account", "window"
        )
        self._owners_read_at = self._kept_gauge(
            "owners_read_timestamp_seconds", "When HubSpot's owners were read, by whom senders are chosen", "account"
        )
        self._last_event = self._kept_gauge(
            "source_last_event_timestamp_seconds", "When a source was last heard", "source"
        )
        self._silent = self._kept_gauge("source_silent", "1 while a source sends less than it usually does", "source")
        self.thin_events = self._gauge("thin_events", "Thin events that wait for their provider's answer").set
        self._overdue = self._gauge("follow_overdue_seconds", "For how long the oldest look has been due", "account")
        self._old_secret = self._kept_gauge(
            "source_old_secret_timestamp_seconds", "When a secret on its way out last verified a delivery", "source"
        )
        self._outbound_waiting = self._gauge("outbound_waiting", "Events that wait to be delivered", "endpoint")
        self._outbound_oldest = self._gauge(
            "outbound_oldest_waiting_seconds", "Age of the oldest event that waits", "endpoint"
        )
        self._outbound_breaker = self._gauge(
            "outbound_breaker", "0 closed, 1 half-open, 2 open, 3 disabled: it answered 410", "endpoint"
        )
        self._reloaded = self._kept_gauge(
            "config_last_reload_successful", "1 when the last reload of the rules succeeded"
        )
        self._reloaded_at = self._kept_gauge(
            "config_last_reload_success_timestamp_seconds", "When the rules in force were loaded"
        )
        self._hash = self._kept_gauge("config_hash", "The revision of the rules in force, as a number")
        self._build = self._gauge("build_info", "The version that runs", "version")
        self._up = self._gauge("process_up", "0 while a process of the service is being started again", "process")

    def received(self, source: str, result: str) -> None:
        """Count a delivery of a configured source: accepted, duplicate, filtered or handshake."""
        self._adding(self._received, source, result)(1)
        self.hourly.count(source, "repeated" if result == "duplicate" else result)
        if result != "handshake":
            self._child(self._last_event, source).set_to_current_time()

    def rejected(self, source: str | None, reason: str) -> None:
        """Count a rejected delivery; None stands for a source that does not exist."""
        self._received.labels(source or "unknown", "rejected").inc()
        self._rejected.labels(source or "unknown", reason).inc()
        self.hourly.count(source or "", "rejected", reason=reason)

    def duplicates(self, source: str, kind: str, count: int) -> None:
        """Count repeated events or intents."""
        if count:
            self._duplicates.labels(source, kind).inc(count)
            if kind == "event":
                self.hourly.count(source, "repeated_events", count)

    def unheard(self, source: str, count: int) -> None:
        """Count events that no rule listens to."""
        if count:
            self._adding(self._unheard, source)(count)
            self.hourly.count(source, "no_rule", count)

    def outbound(self, endpoint: str, count: int = 1, *, outcome: str) -> None:
        """Count events that were sent: delivered, retry, failed (for good) or gone; or expired before they were."""
        self._outbound.labels(endpoint, outcome).inc(count)

    def endpoints(self, statuses: Iterable[tuple[str, int, float, int]]) -> None:
        """Set the gauges of endpoints: name, how many events wait, the age of the oldest in seconds, the breaker."""
        for gauge in (self._outbound_waiting, self._outbound_oldest, self._outbound_breaker):
            gauge.clear()  # An endpoint that left the rules, and for which nothing waits, has no gauge.
        for endpoint, waiting, oldest, breaker in statuses:
            self._outbound_waiting.labels(endpoint).set(waiting)
            self._outbound_oldest.labels(endpoint).set(oldest)
            self._outbound_breaker.labels(endpoint).set(breaker)

    def silent_sources(self, silent: Mapping[str, bool]) -> None:
        """Set whether each source is silent. One that left the rules is not silent."""
        for source in self._silences - set(silent):
            self._silent.labels(source).set(NO_VALUE)
        for source, is_silent in silent.items():
            self._silent.labels(source).set(is_silent)
        self._silences = set(silent)

    def members_dropped(self, source: str, count: int) -> None:
        """Count members of a batch that were recorded but not decided."""
        if count:
            self._dropped.labels(source).inc(count)

    def fields_cut(self, source: str, count: int) -> None:
        """Count fields of which only the beginning was kept."""
        if count:
            self._cut.labels(source).inc(count)

    def old_secret(self, source: str) -> None:
        """Note that a secret that is being replaced still verifies deliveries."""
        self._child(self._old_secret, source).set_to_current_time()

    def decided(self, rule: str | None, verdict: str, count: int) -> None:
        """Count decisions."""
        self._adding(self._decisions, rule or "none", verdict)(count)

    def enrollment(self, sequence: str, outcome: str, reason: str) -> None:
        """Count a transition of an enrollment."""
        self._enrollments.labels(sequence, outcome, self._bounded(reason)).inc()

    def parked(self, reason: str) -> None:
        """Count an enrollment that a person must look at."""
        self._parked.labels(self._bounded(reason)).inc()

    def ended(self, account: str, sequence: str, how: str, known: bool) -> None:  # noqa: FBT001  # a label's value
        """Count the end of an enrollment."""
        self._ends.labels(account, sequence, how, "known" if known else "inferred").inc()

    def replied(self, account: str, sequence: str) -> None:
        """Count a reply."""
        self._replies.labels(account, sequence).inc()

    def looked(self, account: str, result: str, count: int) -> None:
        """Count looks: running, unclear or ended."""
        if count:
            self._looks.labels(account, result).inc(count)

    def follow_call(self, account: str, kind: str) -> None:
        """Count a call of following: search or read."""
        self._follow_calls.labels(account, kind).inc()

    def overdue_looks(self, seconds: Mapping[str, float]) -> None:
        """Set for how long the oldest look of each account in force has been due."""
        self._overdue.clear()  # An account that left the rules is followed no more.
        for account, overdue in seconds.items():
            self._overdue.labels(account).set(overdue)

    def hubspot_call(self, account: str, endpoint: str, status: int | None, seconds: float) -> None:
        """Count a call to HubSpot; no status means that no answer came."""
        self._child(self._calls, account, endpoint, str(status or "none")).inc()
        self._call_duration.labels(endpoint).observe(seconds)
        if status == 429:  # noqa: PLR2004  # Too Many Requests
            self._throttled.labels(account).inc()

    def rate_remaining(self, account: str, window: str, remaining: int) -> None:
        """Set what HubSpot says is left: of its rolling window (window), or of the day (daily)."""
        if window == DAILY:
            self._spent_days.discard(account)
        self._rate.labels(account, window).set(remaining)

    def spent_days(self, accounts: AbstractSet[str]) -> None:
        """Set what is left of these accounts' day to 0. Once a day has ended, HubSpot's next reply gives a figure.

        A replica that sends nothing while the day is spent receives no figure from HubSpot.
        """
        for account in self._spent_days - accounts:
            if self.registry.get_sample_value(RATE, {"account": account, "window": DAILY}) == 0:
                self._rate.labels(account, DAILY).set(NO_VALUE)
        for account in accounts:
            self._rate.labels(account, DAILY).set(0)
        self._spent_days = set(accounts)

    def owners_read(self, account: str) -> None:
        """Note that an account's owners have been read."""
        self._owners_read_at.labels(account).set_to_current_time()

    def reload_succeeded(self, revision: str) -> None:
        """Note that a rulebook is in force; its revision is hexadecimal."""
        self._reloaded.set(1)
        self._reloaded_at.set_to_current_time()
        self._hash.set(int(revision, 16))

    def reload_failed(self) -> None:
        """Note that a rulebook was rejected and the last good one stays."""
        self._reloaded.set(0)

    def process_up(self, process: str, ready: bool) -> None:  # noqa: FBT001  # the gauge's value
        """Set whether a process of the service works."""
        self._up.labels(process).set(ready)

    def table_sizes(self, bytes_by_table: Mapping[str, int]) -> None:
        """Set how many bytes each table takes, its indexes included."""
        for table, size in bytes_by_table.items():
            self._table_bytes.labels(table).set(size)

    def backlog(self, jobs: Mapping[str, int], oldest_seconds: float) -> None:
        """Set enrollments by state, and the age of the oldest one that is due."""
        for state in State:
            if state not in FINAL:
                self._jobs.labels(state).set(jobs.get(state, 0))
        self._oldest.set(oldest_seconds)

    def senders(self, statuses: Iterable[tuple[str, str, int, bool]]) -> None:
        """Set the gauges of senders: account, name, enrollments left in 24 hours, and whether it is paused."""
        for gauge in (self._budget, self._paused):
            gauge.clear()  # A sender that left the rules has no gauge.
        for account, sender, remaining, paused in statuses:
            self._budget.labels(account, sender).set(remaining)
            self._paused.labels(account, sender).set(paused)

    def accounts(self, connected: Mapping[str, bool]) -> None:
        """Set, for each account that joins by OAuth, whether its grant is active."""
        self._connected.clear()
        for account, works in connected.items():
            self._connected.labels(account).set(works)

    def page(self) -> bytes:
        """Return the page for Prometheus."""
        for name, labels in labels_elsewhere(self._shared) if self._shared else ():
            self._by_name[name].labels(*labels)
        return generate_latest(_WithValues(self.registry))

    def _bounded(self, reason: str) -> str:
        """Return `reason`, or `other` once there are too many: HubSpot may invent codes, and labels cost memory."""
        if reason not in self._reasons and len(self._reasons) >= MAXIMUM_REASONS:
            return "other"
        self._reasons.add(reason)
        return reason


class _WithValues:
    """What a registry collects, without the samples that have no value any more."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """Yield each metric."""
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not isnan(sample.value)]
            yield metric
