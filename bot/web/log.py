"""Writing the log without ever waiting for it: a reply must not stand still because nobody reads the log.

A terminal that was stopped, a full disk or a collector that hangs blocks whoever writes. Here a thread of its own
writes; what it cannot get rid of in time is dropped and counted.
"""

import atexit
import logging
import queue
import sys
from logging.handlers import QueueHandler, QueueListener

WAITING = 10_000  # lines: a few MB
END_WITHIN_S = 2.0


class NeverWaiting(QueueHandler):
    """A handler for ops/logging.yml. Its formatter is given to the thread that writes to standard output."""

    def __init__(self) -> None:
        super().__init__(queue.Queue(WAITING))
        self._out = logging.StreamHandler(sys.stdout)
        self._listener = _Listener(self.queue, self._out)
        self._dropped = 0
        self._listener.start()
        atexit.register(self._listener.end)

    def setFormatter(self, fmt: logging.Formatter | None) -> None:
        """Set how a line reads once it is written."""
        self._out.setFormatter(fmt)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Pass a line on, or drop it where too many wait."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self._dropped += 1
            return
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            logging.getLogger(__name__).warning("%d lines were dropped: the log was not read", dropped)


class _Listener(QueueListener):
    def end(self) -> None:
        """Write what waits, but for no longer than a moment: it may be that nobody reads."""
        if self._thread:
            self.enqueue_sentinel()
            self._thread.join(END_WITHIN_S)

    def enqueue_sentinel(self) -> None:
        """Ask the thread to end after what waits; where even that cannot wait any more, it ends with the process."""
        try:
            super().enqueue_sentinel()
        except queue.Full:
            return
