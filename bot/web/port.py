"""The port that all front servers of a machine share: held by whoever starts them, and given to each that asks.

It stays open while one of them, or all, start anew, so that nobody is refused; who comes meanwhile waits. The open
socket itself is handed over, through a Unix socket at a path that both know.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

BACKLOG = 512  # connections that wait to be taken
ONE_SIGN = b"."  # something must be sent for a socket to go with it


def hold(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; any free port for 0. Raises OSError where it may not."""
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, port))
        held.listen(BACKLOG)
    except OSError:
        held.close()
        raise
    return held


@contextlib.contextmanager
def given_out(held: socket.socket, path: Path) -> Iterator[None]:
    """Give the socket to whoever asks at `path`, and close it at the end."""
    with held, socket.socket(socket.AF_UNIX) as asked:
        asked.bind(str(path))
        asked.listen()
        threading.Thread(target=_give, args=[held, asked], daemon=True, name="port").start()
        try:
            yield
        finally:
            asked.shutdown(socket.SHUT_RDWR)  # wakes the thread


def take(path: Path) -> socket.socket:
    """Return the socket that is given out at `path`. Raises OSError where nobody gives one."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(path))
        _, (descriptor,), _, _ = socket.recv_fds(asking, len(ONE_SIGN), 1)
    return socket.socket(fileno=descriptor)


def _give(held: socket.socket, asked: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed: the end
        while True:
            with asked.accept()[0] as asker:
                socket.send_fds(asker, [ONE_SIGN], [held.fileno()])
