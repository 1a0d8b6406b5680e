"""The trained model on the reporting part of the evaluation set: no figure falls below the recorded one.

`make evaluate` shows the figures, `make record` records them. A message is never shown: see scripts/evaluation/data.py.
"""

import pytest

from scripts.evaluation.data import REPORTING, load_part
from scripts.evaluation.figures import figures_of
from scripts.evaluation.outcomes import outcomes_of
from scripts.evaluation.record import load_record, worse_than_recorded

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def figures(bot):
    return figures_of(outcomes_of(bot, load_part(REPORTING)))


def test_no_figure_falls_below_the_recorded_one_by_more_than_its_noise(figures):
    worse = worse_than_recorded(figures, load_record())
    assert not worse, "\n".join(["mend it, or where the change is meant, run 'make record':", *worse])


def test_every_figure_is_recorded(figures):
    assert {figure.name for figure in figures} == set(load_record())
