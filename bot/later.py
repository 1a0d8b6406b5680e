"""What takes seconds to load and no visitor waits for: loaded beside the work, once."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Later(Generic[T]):
    """Something that `make` makes. Safe to share between threads; whoever needs it before it is there waits for it."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._lock = threading.Lock()

    @property
    def now(self) -> T:
        """Return it, once it is there. Raises what `make` raises, and tries again the next time."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]

    def begin(self, after_s: float = 0.0) -> None:
        """Have it made by a thread of its own, so many seconds from now if nobody needs it sooner.

        A fault is logged there, and raised to who needs it.
        """
        threading.Thread(target=self._try, args=[after_s], name="later", daemon=True).start()

    def _try(self, after_s: float) -> None:
        time.sleep(after_s)
        try:
            _ = self.now
        except Exception as error:  # whatever it is, it is tried again when somebody needs it
            logger.error("something could not be loaded yet (%s): %s", type(error).__name__, error)
