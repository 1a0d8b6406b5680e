"""Which cautions a message calls for."""

import pytest

from bot.cautions import Cautions, load_cautions
from bot.paths import DATA


@pytest.fixture(scope="module")
def cautions() -> Cautions:
    return load_cautions(DATA / "cautions.yml")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("should I come off my sertraline", {"K3"}),
        ("forgot my clexane last night", {"K3"}),
        ("is it ok that i halved the tablets", {"K3"}),
        ("can i stop the progestrone, im spotting", {"K3", "K6"}),
        ("how many days does the bleeding last afterwards", {"K6"}),
        ("no symptoms since monday, is it dead", {"K6"}),
        ("my tsh is 4.6 is it high", {"K4"}),
        ("prolactin 900 high?", {"K4"}),
        ("what's the cut-off for a short cervix", {"K4"}),
        ("prednisone with a positive ana", {"K3", "K4"}),
        ("what does a consultation cost", set()),
        ("", set()),
    ],
)
def test_a_refusal_carries_what_is_named(cautions, text, named):
    assert set(cautions.named(text, is_refused=True)) == named


@pytest.mark.parametrize(
    "text",
    [
        "fibroid 4.5cm inside the wall so im fine then?",
        "we have a 6 cm one",
        "and homocysteine 15?",
        "lupus anticoagulant POSITIVE",
        "factor v leiden, heterozygous",
        "TSH came back at 3,9",
        "abnormal karyotype in his report",
    ],
)
def test_a_value_is_cautioned_in_every_reply(cautions, text):
    assert cautions.named(text, is_refused=False) == ("K4",)


@pytest.mark.parametrize(
    "text",
    [
        "is aspirin used for aps",
        "what is the tsh test for",
        "does high prolactin cause it",
        "is tsh tested after 3 losses",
        "progesterone until 12 weeks, who says so",
        "lh and fsh, what are they",
        "I had 2 losses at 8 weeks. is there bleeding with a septum",
    ],
)
def test_a_plain_question_is_not(cautions, text):
    assert cautions.named(text, is_refused=False) == ()
