"""What `make load` makes of its figures."""

from tests.load.measure import extrapolated, per_turn

TAKEN = {"front server": 0.02, "Rasa": 0.04, "action server": 0.01}
HELD = {"front server": 2**29, "Rasa": 2**30, "action server": 2**27}


def test_computing_is_shared_out_among_the_turns_and_who_does_not_run_is_left_out():
    before = {"front server": 1.0, "Rasa": 2.0, "action server": 0.5, "Redis": 0.0}
    after = {"front server": 3.0, "Rasa": 6.0, "action server": 1.5, "Redis": 0.0}
    assert per_turn(before, after, 100) == TAKEN


def test_many_visitors_need_what_their_turns_compute_twice_over_and_never_less_than_one_of_each():
    rows = [line.strip("| ").split(" | ") for line in extrapolated(TAKEN, HELD).splitlines()[-3:]]
    assert rows[0][:5] == ["100", "5", "1", "1", "1"]
    assert rows[1][:5] == ["1,000", "50", "7", "2", "4"]
