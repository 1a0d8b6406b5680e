"""Have a process let go of what is forgotten: objects that hold each other stay in memory until Python looks for them.

A process with little to do may not look for hours. With SCRUB_MEMORY (scripts/processes.py) what is let go of is also
written over at once.
"""

import gc
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

FORGET_AFTER_MINUTES = 30.0
TIDIED_TIMES = 30  # within the time to live of a conversation


@lru_cache(maxsize=1)
def keep_tidy() -> threading.Thread:
    """Look from time to time for what nobody holds any more, as long as the process lives; return what does so."""
    gc.collect()
    gc.freeze()  # what was loaded so far stays, and is not looked at again and again
    thread = threading.Thread(target=_tidy, args=[tidy_every_s(os.environ)], name="tidy", daemon=True)
    thread.start()
    return thread


def tidy_every_s(environ: Mapping[str, str]) -> float:
    """Return after how many seconds to look again: a thirtieth of FORGET_AFTER_MINUTES, half an hour unless set."""
    minutes = FORGET_AFTER_MINUTES
    with suppress(ValueError):
        minutes = float(environ.get("FORGET_AFTER_MINUTES") or minutes)
    return minutes * 60 / TIDIED_TIMES


def _tidy(every_s: float) -> None:
    while True:
        time.sleep(every_s)
        gc.collect()
