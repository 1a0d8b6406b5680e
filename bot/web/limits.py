"""How many requests one address and one conversation may send. Counted here at once, and in Redis for all workers.

Never asked before a message has been looked through for danger: bot/web/chat.py answers that whatever the count. The
library `limits` counts; addresses are kept as keyed digests only, and for no longer than the rates reach back.
"""

import asyncio
import hashlib
import ipaddress
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import redis
from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from bot.web.errors import ApiError
from bot.web.settings import FrontSettings

logger = logging.getLogger(__name__)

REDIS_WITHIN_S = 0.2  # for one count; later than that a visitor would notice
REDIS_AGAIN_AFTER_S = 5.0  # how long Redis is left alone once it failed
SWEPT_AFTER_S = 30.0  # what is over is dropped
IPV6_HOME = 64  # bits that one household or one server has for itself
DIGEST_BYTES = 12


@dataclass(frozen=True)
class Over:
    """Somebody sent too many requests. `wait_s` is when the next is taken, in whole seconds; `limit` names which."""

    limit: str
    wait_s: int


Caller = tuple[tuple[str, tuple[RateLimitItem, ...], str], ...]  # for each limit: name, rates, who in a digest


class SweptStorage(MemoryStorage):
    """Counts in memory. What is over is dropped now and then; the library starts a thread for that at each count, which
    looks through all of them."""

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a count and return it."""
        if not self.timer.is_alive():
            self._sweep_later()
        return super().incr(key, expiry, amount)

    def _sweep_later(self) -> None:
        self.timer = threading.Timer(SWEPT_AFTER_S, self._sweep)  # the library starts none while this one waits
        self.timer.daemon = True
        self.timer.start()

    def _sweep(self) -> None:
        for key in list(self.expirations):
            self.get(key)  # drops it where its time is over
        if self.expirations:
            self._sweep_later()


class Limits:
    """Counts requests. `on_failure` is told each time that Redis could not be asked."""

    def __init__(self, settings: FrontSettings, secret: str, on_failure: Callable[[str], None]) -> None:
        self._settings = settings
        self._key = hashlib.sha256(b"limits" + secret.encode()).digest()
        self._here = SlidingWindowCounterRateLimiter(SweptStorage())
        self._shared = _in_redis(settings.redis_url) if settings.redis_url else None
        self._on_failure = on_failure
        self._redis_from = 0.0

    def of_turn(self, address: str | None, conversation: str | None) -> Caller:
        """Return who sends a turn of a chat, for `count_here` and `refusal`."""
        is_here = is_this_machine(address)
        rates = self._settings.loopback_rates if is_here else self._settings.conversation_rates
        by_conversation = ("conversation", rates, self._digest(conversation)) if conversation else None
        by_address = None if is_here else ("address", self._settings.address_rates, self._digest(network(address)))
        return tuple(each for each in (by_address, by_conversation) if each)

    def of_other(self, address: str | None) -> Caller:
        """Return who sends anything else."""
        if is_this_machine(address):
            return ()
        return (("other", self._settings.other_rates, self._digest(network(address))),)

    def count_here(self, caller: Caller) -> Over | None:
        """Count one request in this process; return what it is over. Takes microseconds and needs nothing else."""
        return _count(self._here, caller)

    async def refusal(self, caller: Caller, here: Over | None) -> Over | None:
        """Count the request for all workers too; return what it is over. Without Redis that is what `here` says."""
        if here or self._shared is None or time.monotonic() < self._redis_from:
            return here
        try:
            return await asyncio.to_thread(_count, self._shared, caller)
        except redis.RedisError as error:
            self._redis_from = time.monotonic() + REDIS_AGAIN_AFTER_S
            logger.warning("limits: Redis can't be asked (%s); each worker counts by itself", type(error).__name__)
            self._on_failure(type(error).__name__)
            return None

    def _digest(self, who: str) -> str:
        return hashlib.blake2b(who.encode("utf-8", "replace"), key=self._key, digest_size=DIGEST_BYTES).hexdigest()


def is_this_machine(address: str | None) -> bool:
    """Whether a request came from the machine itself: its operator, a test, or a proxy that nobody named."""
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def network(address: str | None) -> str:
    """Return what counts as one address: an IPv4 address, or the 64 bits of IPv6 that one household has."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((int(ip), IPV6_HOME), strict=False))


def too_many(over: Over) -> ApiError:
    """Return the refusal as the contract has it."""
    message = f"That was a lot in a short time. Please wait {over.wait_s} s, then send it again."
    return ApiError(429, "too_many_requests", message, {"Retry-After": str(over.wait_s)})


def _in_redis(url: str) -> SlidingWindowCounterRateLimiter:
    timeouts = {"socket_timeout": REDIS_WITHIN_S, "socket_connect_timeout": REDIS_WITHIN_S}
    return SlidingWindowCounterRateLimiter(RedisStorage(url, key_prefix="clinic-limits", **timeouts))  # type: ignore[arg-type]


def _count(counter: SlidingWindowCounterRateLimiter, caller: Caller) -> Over | None:
    refused = [_wait(counter, rates, name, who) for name, rates, who in caller]
    return max(filter(None, refused), key=lambda over: over.wait_s, default=None)


def _wait(counter: SlidingWindowCounterRateLimiter, rates: Iterable[RateLimitItem], name: str, who: str) -> Over | None:
    full = [rate for rate in rates if not counter.hit(rate, name, who)]
    if not full:
        return None
    free_again = max(counter.get_window_stats(rate, name, who).reset_time for rate in full)
    return Over(name, max(1, math.ceil(free_again - time.time())))
