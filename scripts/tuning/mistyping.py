"""Type a text as people do: letters left out, doubled, swapped, hit beside, written by ear; spaces and marks lost."""

import re
from collections.abc import Callable

import numpy as np

ONE_IN = 9  # words, roughly, that are mistyped; at least one, where a word is long enough
NEAR = "wa qes wrd etf ryg tuh yij uok ipl o qsz awd sef drg fth gyj huk jil ko asx zdc xfv cgb vhn bjm n"
BESIDE = dict(zip("qwertyuiopasdfghjklzxcvbnm", NEAR.split(), strict=True))  # keys of an English keyboard
BY_EAR = dict(
    row.split()
    for row in """
    ph f
    tion shun
    c(?=[eiy]) s
    ck?(?![ehiy]) k
    ie ei
    ei ie
    y i
    ([b-df-hj-np-tv-z])\\1 \\1
    ough uff
    ea|ee e
    s(?=[aeiou]) z
    a e
    o a
    i e
    qu kw
    x cks
    th d
    ae|oe e
    ght te
    """.strip().splitlines()
)


def mistyped(text: str, dice: np.random.RandomState) -> str:
    """Return the text with slips in some of its words; one of five texts loses its marks, too."""
    words = text.split()
    long = [at for at, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    for at in dice.permutation(long)[: 1 + len(words) // ONE_IN]:
        words[at] = SLIPS[dice.randint(len(SLIPS))](words[at], dice)
    typed = " ".join(words)
    return re.sub(r"[^\w\s]", "", typed) if dice.rand() < 0.2 else typed


def _left_out(word: str, dice: np.random.RandomState) -> str:
    at = dice.randint(1, len(word))
    return word[:at] + word[at + 1 :]


def _doubled(word: str, dice: np.random.RandomState) -> str:
    at = dice.randint(len(word))
    return word[:at] + word[at] + word[at:]


def _swapped(word: str, dice: np.random.RandomState) -> str:
    at = dice.randint(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _beside(word: str, dice: np.random.RandomState) -> str:
    at = dice.randint(len(word))
    near = BESIDE.get(word[at].lower(), word[at])
    return word[:at] + near[dice.randint(len(near))] + word[at + 1 :]


def _by_ear(word: str, dice: np.random.RandomState) -> str:
    fitting = [(heard, written) for heard, written in BY_EAR.items() if re.search(heard, word)]
    if not fitting:
        return _left_out(word, dice)
    heard, written = fitting[dice.randint(len(fitting))]
    return re.sub(heard, written, word, count=1)


def _apart(word: str, dice: np.random.RandomState) -> str:
    at = dice.randint(1, len(word))
    return f"{word[:at]} {word[at:]}"


SLIPS: tuple[Callable[[str, np.random.RandomState], str], ...] = (
    _left_out, _left_out, _doubled, _swapped, _swapped, _beside, _beside, _by_ear, _by_ear, _by_ear, _apart,
)  # fmt: skip
