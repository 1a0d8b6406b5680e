"""What the front server counts of itself, for Prometheus at /metrics: no visitor's words, no ids, no addresses.

Every label has a short list of values that the program sets. With several workers each writes into the folder named by
PROMETHEUS_MULTIPROC_DIR, and any of them answers for all (scripts/run.py sets it).
"""

import hmac
import ipaddress
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.requests import Request
from starlette.responses import Response

from bot.reply import Reply
from bot.web.errors import ApiError

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# Seconds. The bars: danger answered within 0.1, a turn within 0.5, nothing later than 5.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SAFETY_KINDS = ("urgent", "crisis")
FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


class Metrics:
    """The counters of one front server. `content` is the version of the answers that it gives."""

    def __init__(self, content: str = "") -> None:
        disable_created_metrics()  # twice the lines, and nobody asks when a counter began
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "clinic_http_requests", "Requests by address and status.", ("route", "method", "status"), registry=registry
        )
        self.in_flight = Gauge(
            "clinic_http_in_flight", "Requests being answered.", registry=registry, multiprocess_mode="livesum"
        )
        self.replies = Counter("clinic_replies", "Replies by kind.", ("kind",), registry=registry)
        self.safety_replies = Counter(
            "clinic_safety_replies", "Replies to danger found here.", ("kind", "level"), registry=registry
        )
        self.stages = Histogram(
            "clinic_stage_seconds", "Seconds by stage of a turn.", ("stage",), registry=registry, buckets=BUCKETS
        )
        self.rasa_waiting = Gauge(
            "clinic_rasa_waiting", "Turns that wait for Rasa.", registry=registry, multiprocess_mode="livesum"
        )
        self.failures = Counter(
            "clinic_dependency_failures", "Failures by dependency.", ("dependency", "reason"), registry=registry
        )
        self.limited = Counter("clinic_limited", "Requests refused by a rate limit.", ("limit",), registry=registry)
        self.latches = Gauge(
            "clinic_latches", "Chats with an open danger.", registry=registry, multiprocess_mode="livemostrecent"
        )
        self._started(content)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage: `safety`, `rasa` or `turn`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.stages.labels(name).observe(time.perf_counter() - started)

    def replied(self, replies: Sequence[Reply]) -> None:
        """Count the replies of one turn."""
        for reply in replies:
            self.replies.labels(reply["kind"]).inc()
            if reply["kind"] in SAFETY_KINDS:
                self.safety_replies.labels(reply["kind"], reply["level"] or "").inc()

    def failed(self, dependency: str, reason: str) -> None:
        """Count a failure of `rasa`, `redis` or `database`; the reason is an error's type, never its message."""
        self.failures.labels(dependency, reason).inc()

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it, of all workers where there are several."""
        if not os.environ.get(FOLDER):
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)
        return generate_latest(together)

    def _started(self, content: str) -> None:
        _bury_dead_workers()
        started = Gauge(
            "clinic_start_time_seconds", "When it began.", registry=self._registry, multiprocess_mode="livemax"
        )
        started.set(time.time())
        version = Gauge(
            "clinic_content_info",
            "The version of the answers.",
            ("version",),
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        version.labels(content).set(1)
        for kind in SAFETY_KINDS:  # so that the first one is a rise from zero, which an alert can see
            self.replies.labels(kind)
        for dependency in ("rasa", "redis", "database"):
            self.failures.labels(dependency, "")


def may_read(request: Request, token: str) -> bool:
    """Whether this caller may read the metrics: by the token where one is set, else from this machine alone.

    What a proxy on this machine passes on is not from this machine.
    """
    if token:
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    return is_loopback(request.client.host if request.client else "") and not is_forwarded(request.headers)


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def is_forwarded(headers: Mapping[str, str]) -> bool:
    """Whether some proxy says that it passed a request on."""
    return any(name in headers for name in FORWARDED)


def metrics_response(request: Request, metrics: Metrics, token: str) -> Response:
    """Return the metrics. Raises ApiError where the caller may not read them."""
    if not may_read(request, token):
        remedy = "Send the token of METRICS_TOKEN." if token else "Ask from the machine itself, or set METRICS_TOKEN."
        headers: dict[str, Any] = {"WWW-Authenticate": "Bearer"} if token else {}
        raise ApiError(401 if token else 403, "metrics_closed", f"The metrics are for the operator. {remedy}", headers)
    return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _bury_dead_workers() -> None:
    folder = os.environ.get(FOLDER)
    for file in Path(folder).glob("gauge_live*_*.db") if folder else ():
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid, folder)
