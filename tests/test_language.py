"""Another language than English is told so; English, however it is spelled, never is."""

import pytest

from bot.language import Language
from bot.paths import DATA
from bot.safety import SafetyCheck


@pytest.fixture(scope="module")
def language() -> Language:
    return Language(SafetyCheck(DATA / "safety.yml").english)


@pytest.mark.parametrize(
    "text",
    [
        "¿qué causa los abortos?",
        "mi esposa tiene sangrado, que hago",
        "was sind die ursachen von fehlgeburten",
        "pourquoi je fais des fausses couches",
        "qual a causa do aborto de repetição",
        "cosa causa aborti ripetuti",
        "jak leczyć poronienia",
        "tôi bị sảy thai",
        "bakit ako nakukunan",
        "düşük neden olur",
        "У меня кровотечение",
        "我流产了",
        "لدي سؤال",
    ],
)
def test_another_language_is_known(language, text):
    assert language.is_foreign(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?!",
        "help",
        "i dont understand",
        "🩸🩸",
        "wat cuases miscariges to keep hapening over n over",
        "Ashermans syndrom",
        "FVL / prot C def tx in pregnancy?",
        "can i tawk to a reel persen plz",
        "wetin dey cause am abeg",
        "I am from México, my English is not good. Why I lose my babies?",
        "is a fibroid as bad as a septum for keeping a pregnacy",
        "pt w/ 3 SABs, LAC pos",
        "je ne sais quoi but what is PCOS",
    ],
)
def test_english_is_english_however_it_is_spelled(language, text):
    assert not language.is_foreign(text)
