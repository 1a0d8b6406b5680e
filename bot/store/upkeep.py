"""The thread that works on the database while the front server serves: tables, counts, deletion.

It alone waits for the database, so that a visitor never does. Whatever the database does, it goes on and tries again.
"""

import logging
import threading
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.store.counts import Counts
from bot.store.database import Database, StoreFault
from bot.store.retention import DailyDeletion, Retention

logger = logging.getLogger(__name__)

EVERY_S = 1.0


class Upkeep:
    """Brings the tables up to date at first and after a failure, writes the counts, deletes what is old once a day."""

    def __init__(self, database: Database, counts: Counts, retention: Retention, time_zone: str) -> None:
        self._database = database
        self._counts = counts
        self._delete_old = DailyDeletion(database, retention)
        self._zone = ZoneInfo(time_zone)
        self._is_prepared = False
        self._is_failing = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Write once more what was counted, then end. Returns when that is done."""
        self._ended.set()
        self._thread.join()
        self._database.close()

    def _run(self) -> None:
        self._try()
        while not self._ended.wait(EVERY_S):
            self._try()
        self._try()

    def _try(self) -> None:
        try:
            self.once()
        except Exception as fault:  # the thread must outlive whatever the database does
            if not self._is_failing:
                told = fault if isinstance(fault, StoreFault) else type(fault).__name__
                logger.error("the chat goes on and counts wait in memory, but the database is away: %s", told)
            self._is_failing = True
            self._is_prepared = False  # its file may have been deleted
        else:
            if self._is_failing:
                logger.info("the database is back; what was counted meanwhile is written")
            self._is_failing = False

    def once(self) -> None:
        """Do what is due now. Raises StoreFault; then it is all still due."""
        if not self._is_prepared:
            self._database.prepare()
            self._is_prepared = True
        self._delete_old(datetime.now(self._zone).date())
        self._counts.write()
