"""Who is in another country is told so: the clinic's numbers may not work there."""

import pytest

from bot.abroad import Abroad


@pytest.fixture(scope="module")
def abroad() -> Abroad:
    return Abroad("US")


@pytest.mark.parametrize(
    "text",
    [
        "I'm in Portugal on holiday and soaking a pad every hour",
        "we are visiting family in India, she fainted",
        "bleeding heavily, currently in the UK",
        "I am abroad and I want to die",
        "writing from Nigeria, heavy bleeding",
        "stuck overseas, 8 weeks, sharp pain on my left side",
        "i live in england. i'm soaking pads",
        "she's in Côte d’Ivoire and bleeding",
    ],
)
def test_who_is_elsewhere_says_so(abroad, text):
    assert abroad.says(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm in the United States and soaking a pad every hour",
        "I'm from India and I am soaking a pad every hour",
        "I lost a baby in Spain in 2019, and now the same pain",  # then, not now
        "help, soaking a pad every hour",
        "I am in pain and turkey makes me sick",
        "",
    ],
)
def test_who_is_not_or_does_not_say_is_left_alone(abroad, text):
    assert not abroad.says(text)


def test_a_clinic_elsewhere_has_another_abroad():
    assert Abroad("GB").says("I'm in America and bleeding heavily")
    assert not Abroad("GB").says("I'm in England and bleeding heavily")
