"""What is loaded beside the work."""

import threading

import pytest

from bot.later import Later


def test_it_is_made_once_however_many_ask_at_once():
    made: list[int] = []
    later = Later(lambda: made.append(1) or len(made))
    later.begin()
    threads = [threading.Thread(target=lambda: later.now) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (later.now, made) == (1, [1])


def test_nothing_is_made_before_it_is_asked_for():
    made: list[int] = []
    Later(lambda: made.append(1))
    assert made == []


def test_whoever_needs_it_sooner_does_not_wait_for_the_time_set():
    made: list[int] = []
    later = Later(lambda: made.append(1) or len(made))
    later.begin(after_s=3600)
    assert made == []
    assert later.now == 1


def test_a_fault_is_told_and_the_next_who_asks_tries_again():
    faults = [OSError("no disk")]

    def make() -> str:
        if faults:
            raise faults.pop()
        return "made"

    later = Later(make)
    with pytest.raises(OSError, match="no disk"):
        _ = later.now
    assert later.now == "made"
