"""How a visitor may be spoken to: what is blocked, what is excepted, and how hard a text is to read."""

import pytest

from bot.paths import DATA
from bot.wording import load_wording
from bot.yaml_files import YamlFault

SMALL = """
wording:
  blocked:
    - pattern: hysterectom
      why: a wrong translation
      use: say 'the wall'
      errata: [ER-02]
      except: {treatments/uterine: This is not a hysterectomy.}
    - {pattern: '!', why: no exclamation marks, use: a full stop}
  medicines: [heparin, low-dose heparin]
  figure_phrases: [about half]
  names: [antiphospholipid syndrome, antiphospholipid]
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "wording.yml"
    path.write_text(SMALL)
    return load_wording(path)


@pytest.fixture(scope="module")
def wording():
    return load_wording(DATA / "wording.yml")


def offending(wording, text: str, id: str = "tests/overview") -> list[str]:
    return [words for words, _ in wording.offences(text, id)]


def test_a_blocked_word_is_found_in_any_case_with_its_reason_and_remedy(small):
    ((words, rule),) = small.offences("A Hysterectomy helps.", "tests/overview")
    assert words == "Hysterectom"
    assert (rule.why, rule.use) == ("a wrong translation", "say 'the wall'")


def test_every_rule_that_a_text_breaks_is_told(small):
    assert offending(small, "No hysterectomy!") == ["hysterectom", "!"]


def test_an_excepted_sentence_is_allowed_in_the_answer_named(small):
    assert offending(small, "Note: This is not a hysterectomy.", "treatments/uterine") == []


def test_an_excepted_sentence_is_blocked_in_any_other_answer(small):
    assert offending(small, "This is not a hysterectomy.", "treatments/overview") == ["hysterectom"]


def test_an_exception_covers_its_sentence_and_no_other(small):
    text = "This is not a hysterectomy. A hysterectomy may follow."
    assert offending(small, text, "treatments/uterine") == ["hysterectom"]


def test_the_longest_name_of_a_medicine_is_found_first(small):
    assert small.medicines.search("They gave low-dose heparin.").group() == "low-dose heparin"


def test_a_medicine_is_a_whole_word_in_one_or_many(small):
    assert small.medicines.search("Several heparins exist.")
    assert not small.medicines.search("Heparinoid is another word.")


def test_a_name_counts_as_one_short_word_in_the_reading_grade(small):
    named = small.grade("You may have antiphospholipid syndrome.")
    assert named == small.grade("You may have it.")


def test_long_words_and_sentences_raise_the_reading_grade(small):
    easy = small.grade("Ask your doctor. Take your time.")
    hard = small.grade("Comprehensive immunological investigation necessitates multidisciplinary consideration.")
    assert easy < 5 < hard


def test_a_pattern_that_is_none_is_told_with_its_file(tmp_path):
    path = tmp_path / "wording.yml"
    path.write_text(SMALL.replace("pattern: hysterectom", "pattern: '(hysterectom'"))
    with pytest.raises(YamlFault) as raised:
        load_wording(path)
    assert str(raised.value).startswith(f"{path}: '(hysterectom'")


# The real rules.


@pytest.mark.parametrize(
    "text",
    [
        # doses, schedules, cut-offs and criteria
        "Take 1.25 mg.",
        "2,5 mg is the dose",  # the decimal comma of the entry
        "1000 to 2000 U into the muscle",
        "It is given twice a day.",
        "Take it every other day.",
        "One tablet at bedtime.",
        "A level below 10 ng/ml is low.",
        "The test is done two times, 6 weeks apart.",
        # what would mislead
        "A hysterectomy is done.",
        "Postmenopausal bleeding is a sign.",
        "After a habitual abortion",
        "Your body rejects the embryo.",
        "Prednisone may help.",
        "This is the most common cause.",
        # false comfort, false hope, blame
        "Some bleeding? This is normal.",
        "You should have come sooner.",
        "This can prevent a miscarriage.",
        "Your odds are good.",
        "Everything happens for a reason.",
        "You can always try again.",
        # hurtful or not our tone
        "An incompetent cervix",
        "A blighted ovum",
        "Great question",
        "Well done!",
        "We are sorry 😢",
    ],
)
def test_these_words_reach_no_visitor(wording, text):
    assert offending(wording, text)


@pytest.mark.parametrize(
    "text",
    [
        "The uterus itself is not removed.",
        "Bleeding after a missed period should be checked today.",
        "Some people have no signs at all.",
        "Recurrent miscarriage means two or more losses before 20 weeks.",
        "In some older studies it was found in 5% of people.",
        "You did not cause this.",
    ],
)
def test_our_own_words_for_the_same_things_are_free(wording, text):
    assert offending(wording, text) == []


def test_every_erratum_of_major_or_catastrophic_harm_is_guarded(wording, sources):
    blocked = {id for rule in wording.blocked for id in rule.errata}
    grave = [erratum for erratum in sources.errata.values() if erratum.harm in ("Major", "Catastrophic")]
    assert grave
    assert [erratum.id for erratum in grave if erratum.id not in blocked and not erratum.cautions] == []


def test_rules_name_errata_and_answers_that_exist(wording, sources, answers):
    for rule in wording.blocked:
        assert set(rule.errata) <= set(sources.errata), rule.pattern.pattern
        assert set(rule.allowed) <= set(answers), rule.pattern.pattern


def test_an_exception_is_used_by_the_answer_that_has_it(wording, answers):
    """One that no text needs any more would let the words back in unseen."""
    for rule in wording.blocked:
        for id, sentence in rule.allowed.items():
            said = " ".join(paragraph.text or "" for paragraph in answers[id].visitor)
            assert sentence in said, f"{id}: {sentence}"
            assert rule.pattern.search(sentence), f"{id}: {sentence}"
