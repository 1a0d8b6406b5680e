"""What nobody holds any more is let go of, also in a process with nothing to do."""

import gc
import weakref

import pytest

from bot import tidy
from bot.tidy import keep_tidy, tidy_every_s
from tests.services import eventually


class Words:
    """Two of these that hold each other stay until Python looks for them."""

    other: "Words"


def test_words_that_hold_each_other_go(monkeypatch):
    monkeypatch.setenv("FORGET_AFTER_MINUTES", "0.01")
    keep_tidy.cache_clear()
    gc.disable()  # as in a process that makes nothing new
    try:
        assert keep_tidy().is_alive()
        one, two = Words(), Words()
        one.other, two.other = two, one
        seen = weakref.ref(one)
        del one, two
        eventually(lambda: seen() is None, 5)
    finally:
        gc.enable()
        keep_tidy.cache_clear()


def test_one_of_them_is_enough():
    assert keep_tidy() is keep_tidy()


@pytest.mark.parametrize(("minutes", "seconds"), [("30", 60), ("3", 6), ("", 60), ("soon", 60)])
def test_it_looks_many_times_within_the_time_to_live(minutes, seconds):
    assert tidy_every_s({"FORGET_AFTER_MINUTES": minutes}) == seconds
    assert tidy_every_s({}) == tidy.FORGET_AFTER_MINUTES * 60 / tidy.TIDIED_TIMES
