"""A loss that a visitor tells of gets one line of sympathy, once in a conversation."""

import pytest

from bot.paths import DATA
from bot.sympathy import Sympathy, load_sympathy
from bot.yaml_files import YamlFault


@pytest.fixture(scope="module")
def sympathy() -> Sympathy:
    return load_sympathy(DATA / "sympathy.yml")


@pytest.mark.parametrize(
    "text",
    [
        "We lost our second baby in May. Which tests are there?",
        "ive had 4 miscariages, can pcos do that",
        "is there a reason for my losses",
        "my wife miscarried last week and nobody calls us back",
        "Our son was stillborn, what do they look for",
        "after my 3rd MC they talk of a septum",
        "i lost her on tuesday",
        "My partner and I have had two late losses",
    ],
)
def test_who_tells_of_a_loss_is_heard(sympathy, text):
    assert sympathy.is_due(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "what causes recurrent miscarriage",
        "can fibroids make you lose a baby",
        "i never had a miscarriage, do i need tests",
        "what happens if i lost another one",
        "so scared we lose this baby",
        "pt had 3 mcs, which tests",
        "my sister had a miscarriage after a fall",
        "i lost my appointment card",
        "do i have to wait until i have had three miscarriages",
        "i'm at a loss what to ask",
    ],
)
def test_who_asks_fears_or_speaks_of_others_is_not_told_so(sympathy, text):
    assert not sympathy.is_due(text)


def test_a_phrase_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "sympathy.yml"
    path.write_text("sympathy: {lists: {}, told: ['i lost <nobody>'], before: []}")
    with pytest.raises(YamlFault, match=r"sympathy\.yml: told: no list of words is called <nobody>"):
        load_sympathy(path)
