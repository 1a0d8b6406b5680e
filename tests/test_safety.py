"""The detector of people in danger: what must fire, what must not, and that nothing upsets it.

The rows are the seeds of safety.md, sections 2, 3, 5 and 13. tests/safety/ holds messages that were written before
the detector was run on them; of their `report` half only the figure is ever looked at.
"""

import random
import time
from pathlib import Path

import pytest

from bot.paths import DATA
from bot.safety import Finding, SafetyCheck
from bot.yaml_files import YamlFault, read_yaml

BLIND = Path(__file__).parent / "safety"  # and tuning.yml, which was not blind
# What was measured, rounded down; a change that falls under it has lost something.
FLOORS = {
    ("urgent", "build"): 1.0,
    ("urgent", "report"): 0.96,
    ("crisis", "build"): 1.0,
    ("crisis", "report"): 0.98,
    ("lookalikes", "build"): 1.0,
    ("lookalikes", "report"): 0.96,
    ("tuning", "build"): 0.99,
}
SLOWEST_P95_S = 0.010


@pytest.fixture(scope="module")
def check() -> SafetyCheck:
    return SafetyCheck(DATA / "safety.yml")


# Section 2, sign by sign: what people say, and the level and sign that must come of it.
URGENT_BY_SIGN = {
    ("RF-01", "E"): """soaking through pads | changing my pad every 20 minutes | went through 3 pads since lunch
        pouring out of me | blood everywhere | running down my legs | huge clots | golf ball clots
        bleeding won't stop | hemorrhaging | the toilet is full of blood | soaking a pad every hour
        i cant stop bleeding | probably nothing but clots like plums | 3 pads an hour""",
    ("RF-02", "E"): """I passed out | blacked out | about to faint | seeing stars and bleeding
        so dizzy I can't stand | heart is racing and I'm bleeding | she's white as a sheet | cold sweat
        passed out in the bathroom and bleeding | my wife is 8 weeks and collapsed""",
    ("RF-03", "E"): """worst pain of my life | can't stand up straight | doubled over | screaming in pain
        stabbing pain that won't stop | pain 9 out of 10 | tummy rock hard""",
    ("RF-04", "E"): """sharp pain on my left side and positive test | pain in one side down low
        right ovary is killing me and I'm 6 weeks | 6 weeks sharp pain right side""",
    ("RF-05", "E"): """my shoulder hurts where it meets the arm | shoulder tip pain
        shoulder hurts when I lie down and spotting | hurts to poop and I'm pregnant
        shoulder tip pain and spotting""",
    ("RF-06", "E"): """they couldn't find the pregnancy on the scan and now it hurts
        had the shot for ectopic, pain is back | coil in and test is positive and I'm bleeding
        had ectopic before and same pain now""",
    ("RF-07", "E"): """burning up | shivering can't get warm | temp 101 | smelly discharge since the D&C
        flu feeling after miscarriage | fever 101 after my d and c | temp 38.0
        my temperature is 38,5 C | 100.4 F fever""",
    ("RF-08", "D"): "16 weeks and spotting | 14 weeks spotting | 12 weeks and light bleeding",
    ("RF-08", "E"): "24 weeks bleeding | bleeding at 7 months | 20 weeks and spotting",
    ("RF-09", "E"): """I think my waters broke | fluid leaking | feels like something is bulging
        pressure down there at 19 weeks | tightenings every few minutes | stitch and now bleeding
        22 weeks and leaking fluid""",
    ("RF-10", "D"): "haven't felt the baby today | baby went quiet | kicks slowed down | baby moved less today",
    ("RF-11", "E"): """splitting headache and spots in my eyes | blurry vision | face swollen overnight
        had a seizure | pressure is 165 over 110 | 160/110 | she is seizing | my blood pressure is 170/115 now""",
    ("RF-12", "E"): "can't catch my breath | chest hurts when I breathe | not bleeding but cant breathe",
    ("RF-12", "D"): "calf is swollen and hot | leg hurts and I have factor V | calf swollen and sore",
    ("RF-13", "E"): "face drooping | arm gone weak | can't get my words out | slurred speech",
    ("RF-14", "D"): """throwing up everything | can't keep water down | haven't peed since yesterday
        vomiting all day can't keep water""",
    ("RF-15", "E"): """took the whole pack | double dose of heparin | took 25 mg instead | took 10 bromocriptine
        throat swelling after the shot | fell and hit my head and I'm on Clexane""",
    ("RF-16", "E"): "sugar is 400 and I'm vomiting | ketones high | shaking and can't think, sugar 45",
    ("RF-17", "D"): "fell down the stairs pregnant | car accident today | fell on my belly at 15 weeks, feel ok",
    ("RF-17", "E"): "he kicked my stomach and I'm bleeding | fell down the stairs at 21 weeks",
    ("RF-18", "E"): """had the hysteroscopy yesterday and pain is awful | fever after HSG
        had my D&C and now heavy bleeding""",
    ("RF-19", "D"): """I think I'm passing the baby | something came out | the sac came out
        I'm miscarrying right now | something came out, not much blood""",
    ("RF-20", "E"): "took the pills and can't stop bleeding",
    ("RF-21", "D"): """I'm O negative and bleeding | rh neg and miscarried yesterday
        O negative and bleeding a bit""",
    ("RF-23", "E"): "baby is coming | I feel the head | cord is out",
    ("RF-24", "E"): "she's not responding | won't wake up",
    ("RF-26", "E"): "on clomid, belly blew up | had the hCG shot and can't breathe lying down",
    ("RF-27", "E"): """should I go to the ER | is this an emergency | do I need an ambulance
        doctor not answering and I'm scared""",
    ("RF-28", "E"): """help me | please help me | HELP!! | help, help, help | emergency | sos | 911 | ambulance
        HELPPP | heeelp | 9 1 1 | 9-9-9 | 🚑 | 🆘""",
}

# Section 5.
CRISIS_BY_SIGN = {
    "CR-01": """I want to kill myself | end it all | end my life | I have the pills | goodbye everyone
        not worth living | better off without me | everyone is better off without me | I have pills here""",
    "CR-02": """I want to be with my baby | don't want to wake up | can't do this anymore
        no point after this loss | wish I had died instead | I can't go on""",
    "CR-03": "I cut myself | hitting my stomach | starving myself because I don't deserve",
    "CR-04": "I'm going to hurt my husband | scared I'll hurt my toddler",
    "CR-05": """voices tell me to | the baby is still talking to me and orders me
        haven't slept in 4 days and feel amazing""",
    "CR-06": """he hits me | he pushed me and I lost it | afraid to go home | his mother beats me for losing babies
        he blames me and locks me in | he pushed me down the stairs | my mother in law hits me for losing babies""",
    "CR-07": """he makes me get pregnant again | hides my pills | they force me to end it | forces me to keep trying
        won't let me see a doctor | takes my phone | he hides my birth control""",
    "CR-08": "he raped me | they sell me",
    "CR-09": "I'm 15 and scared of him",
    "CR-10": "my wife says she wants to die | my friend's husband beats her",
    "CR-11": "drinking every night to cope, can't stop | took too much",
}

QUIET = {
    "i feel like dying of shame": "a figure of speech",
    "my 12 year old keeps asking, he wants to know what a miscarriage is": "the age of somebody else's child",
    # Section 3, and the seeds of section 13.
    "last year I hemorrhaged during my loss": "clearly over",
    "in my second pregnancy I had one-sided pain": "clearly over",
    "I bled a lot during my miscarriage in March": "clearly over",
    "my mother bled in 1990": "another's past",
    "my mom nearly bled out in 1990": "another's past",
    "when is bleeding an emergency": "asks to learn",
    "when is bleeding an emergency?": "asks to learn",
    "signs of ectopic?": "asks to learn",
    "what do I do if I bleed at night?": "an if with no sign now",
    "no fever, no pain, just spotting": "negated, and spotting alone is not urgent",
    "no bleeding, no pain, just asking": "negated",
    "not much blood": "negated",
    "the article says some bleeding is normal": "quoted",
    "the article says bleeding can be normal": "quoted",
    "waiting is killing me": "a figure of speech",
    "my heart is bleeding": "a figure of speech",
    "dying to know": "a figure of speech",
    "I'm dying to know the results": "a figure of speech",
    "for my essay: character with heavy bleeding": "fiction",
    "so what causes a septum?": "the next question after an alarm",
    "3 pads a day on my period": "a day is not an hour",
    "temp 37.4": "no fever",
    "blood pressure 120/80": "a common reading",
    "light bleeding at 8 weeks": "spotting rule, not an alarm",
    "spotting for 16 weeks": "a duration, not a week of pregnancy",
    "I lost my baby at 16 weeks and I have questions": "the week of a loss",
    "went through menopause and now bleeding": "level P: a visit within days, no alarm",
    "they want to sell me a panel of killer cell tests": "goods are offered",
    "missed the jab. should I take a double dose tonight": "a question before it is taken",
    "haven't had a period in 2 years and spotting": "level P",
    "what causes a septate uterus": "an ordinary question",
    "can stress cause miscarriage": "an ordinary question",
    "how is cervical insufficiency found": "an ordinary question",
    "I lost three babies": "a history",
    "help": "a plain help asks for the menu",
    "I can't stop crying": "sadness without danger",
    "I blame myself": "sadness without danger",
    "I feel empty": "sadness without danger",
    "is depression common after loss": "asks to learn",
    "after my first loss years ago I wanted to die": "past thoughts",
    "after my first loss I wanted to die": "past thoughts",
    # Words that mean danger only beside others.
    "Might something in my blood line be why she keeps miscarrying?": "again and again is a history",
    "my wife takes pills for her thyroid": "to take one's own pills is no force",
    "What day does Easter fall on?": "a date falls",
    "my tooth fell out": "a tooth falls",
    "a clinic is selling me infusions, is that worth it": "a sale of treatment",
    "can I take two pills together if I forgot one": "asks to learn",
    "She hardly speaks since the loss. How can I comfort her?": "a grown woman is quiet",
    "I can't feel joy about anything since": "no feeling, not no movement",
    "what are early signs that I am losing the pregnancy": "asks to learn",
    "how can I tell if I'm miscarrying": "asks to learn",
    "I'd rather hear a human voice": "asks for the telephone",
    "do check-ups make sense while I'm not pregnant": "to make sense is no force",
    "how strong are the cramps when a pregnancy ends": "asks to learn",
    "fever 37.5": "no fever",
    "tears running down my face": "tears are not blood",
    "the embryo had an extra chromosome": "a finding, not a dose",
    "can I join the waiting list": "to join a list is not to join the dead",
}

# Section 3: text, level, variant, why.
TENSE_AND_PERSON = [
    ("I'm bleeding through pads", "E", None, "now"),
    ("I've been bleeding heavily since last night", "E", None, "going on"),
    ("I fainted this morning", "E", None, "just past"),
    ("it gushed an hour ago but stopped", "E", None, "just past, may go on"),
    ("fever three days after my miscarriage", "E", None, "within 14 days"),
    ("I had an ectopic in 2021 and now the same pain", "E", None, "past event, present sign"),
    ("my wife is soaking pads", "E", "other", "another person"),
    ("my sister fainted", "E", "other", "another person"),
    ("my mother says I look grey and I passed out", "E", None, "another speaks, about me"),
    ("patient on line 2 soaking pads", "E", "staff", "the desk relays a caller"),
    ("if it gets worse should I go in? I've soaked two pads", "E", None, "an if, and a sign now"),
    ("I think it's a lot? not sure if this is heavy", "E", None, "unsure"),
    ("I can't stop bleeding", "E", None, "a negation that is none"),
    ("it's not getting better", "E", None, "a negation that is none"),
    ("no one is answering", "E", None, "a negation that is none"),
    ("not bleeding but my shoulder and side hurt, 6 weeks", "E", None, "negation ends at but"),
    ("no fever i am soaking pads", "E", None, "negation ends at a new verb"),
    ("no bleeding, severe pain", "E", None, "negation ends at a comma with something new"),
    ("probably nothing but I passed out twice; sorry to bother you", "E", None, "played down"),
    ("I'm not pregnant but soaking a pad an hour", "E", None, "urgent in anyone"),
    ("the baby moved less today", "D", "same_day", "level D"),
    ("the sac came out", "D", "loss_now", "losing the pregnancy now"),
]

SPELLED_BADLY = [
    "bleding heavily",
    "hemorage",
    "tip of my shoudler hurts",
    "feever and chills",
    "i fanted",
    "b l e e d i n g heavily",
    "b.l.e.e.d.i.n.g heavily",
    "bl33ding heavily",
    "ble*ding heavily",
    "blееding heavily",  # two Cyrillic letters
    "ＢＬＥＥＤＩＮＧ ＨＥＡＶＩＬＹ",
    "bleeeeeding heavily",
    "iamhemorrhaging",
    "I can’t stop bleeding",
    "so much 🩸🩸🩸",
    "IM SOAKING A PAD EVERY HOUR",
]

NOT_LANGUAGE = ["", " ", "\n\t", "?!.", "🙂" * 1000, "a" * 1000, "ab" * 4000, "\x00\x07\x1b[31m", "1" * 500, "'" * 300]
OTHER_SCRIPTS = [
    "Ich habe eine Frage",
    "У меня вопрос",
    "我有一个问题",
    "لدي سؤال",
    "मेरा एक सवाल है",
    "\u202eolleh",
    "e\u0301" * 400,
]


def rows(table: dict) -> list:
    return [
        (text.strip(), key) for key, texts in table.items() for line in texts.split("\n") for text in line.split("|")
    ]


@pytest.mark.parametrize(("text", "sign_and_level"), rows(URGENT_BY_SIGN))
def test_every_red_flag_fires_with_its_sign_and_level(check, text, sign_and_level):
    finding = check.find(text)
    assert finding is not None
    assert (finding.answer, finding.level) == ("safety/urgent", sign_and_level[1])
    assert sign_and_level[0] in finding.signs


@pytest.mark.parametrize(("text", "sign"), rows(CRISIS_BY_SIGN))
def test_every_crisis_sign_fires(check, text, sign):
    finding = check.find(text)
    assert is_crisis(finding)
    assert sign in finding.signs


@pytest.mark.parametrize(("text", "why"), QUIET.items())
def test_what_is_no_danger_now_stays_quiet(check, text, why):
    assert check.find(text) is None, why


@pytest.mark.parametrize(
    "text",
    [
        "how heavy is too heavy? I'm soaking a pad an hour",  # a question first, and a sign now
        "how strong are these cramps supposed to be, I'm screaming in pain",
        "what are early signs of miscarriage? I'm bleeding through pads",
        "why did my water break just now",
        "fever 38.5",
        "fell in the bath",
        "it all came out of me",
        "I took an extra dose of prednisone",
        "he hasn't moved today, 30 weeks",
        "can't feel him move",
    ],
)
def test_what_lies_next_to_an_ordinary_question_still_fires(check, text):
    assert is_urgent(check.find(text))


@pytest.mark.parametrize(("text", "level", "variant", "why"), TENSE_AND_PERSON)
def test_time_person_and_negation_are_read(check, text, level, variant, why):
    finding = check.find(text)
    assert finding is not None, why
    assert (finding.level, finding.variant) == (level, variant), why


@pytest.mark.parametrize("text", SPELLED_BADLY)
def test_spelling_and_disguise_do_not_hide_a_sign(check, text):
    assert is_urgent(check.find(text))


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("went through menopause and now bleeding", True),
        ("haven't had a period in 2 years and spotting", True),
        ("went through the menopause 3 yrs ago, now a bit of blood", True),
        ("I am 58 and there is blood on the paper", True),
        ("periods finished eight years back. pink stain in my pants today", True),
        ("through the change since 2015 and now spotting again", True),
        ("granny is 81 and there is brown discharge", True),
        ("on HRT, light bleeding since Sunday", True),
        ("no periods since 2018 and now i bleed a little", True),
        ("I am 41 and spotting", False),
        ("I am 9 weeks pregnant, my mum is 60, and i am spotting", False),
        ("no period for 2 months and now spotting", False),
        ("my mother had bleeding after the menopause years ago", False),
        ("what is pcos", False),
        ("", False),
    ],
)
def test_bleeding_after_the_menopause_is_for_a_doctor_within_days(check, text, needs):
    assert check.needs_visit(text) is needs


def test_body_and_crisis_together_are_one_urgent_finding_that_keeps_both(check):
    finding = check.find("he kicked my stomach and I'm bleeding")
    assert (finding.answer, finding.level, finding.also_crisis) == ("safety/urgent", "E", "violence")
    assert finding.signs[0].startswith("RF-")


@pytest.mark.parametrize("week", range(4, 42))
def test_bleeding_counts_for_more_as_the_weeks_go_on(check, week):
    finding = check.find(f"I'm {week} weeks pregnant and spotting")
    assert (finding and finding.level) == (None if week < 12 else "D" if week < 20 else "E")


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("3 pads an hour", True),
        ("3 pads a day", False),
        ("soaking 3 pads a day", False),
        ("pad every 5 hours", False),
        ("temp 37.9", False),
        ("38.0 C", True),
        ("100.3 F", False),
        ("100.4 F", True),
        ("BP 159/109", False),
        ("BP 160/100", True),
        ("BP 140/110", True),
        ("sugar 401", True),
        ("sugar 120", False),
        ("sugar 45", True),
        ("bleeding for 16 weeks", False),
        ("4 months pregnant and spotting", True),
        ("16 weeks ago I bled", False),
    ],
)
def test_numbers_are_read_with_their_units(check, text, fires):
    assert (check.find(text) is not None) is fires


@pytest.mark.parametrize("text", ["he has never hit me", "I don't want to die", "not suicidal, just sad"])
def test_a_no_inside_a_crisis_phrase_is_a_no(check, text):
    assert check.find(text) is None


def test_means_at_hand_bring_the_emergency_block_too(check):
    finding = check.find("I have the pills and I want to die")
    assert (finding.answer, finding.also_crisis) == ("safety/urgent", "self")


@pytest.mark.parametrize(
    "text",
    [
        "i am going to kill myself tonight",
        "I will end my life today",
        "tomorrow i hang myself",
        "going to do it tonight, i want to die",
    ],
)
def test_a_day_or_an_intent_makes_a_plan(check, text):
    finding = check.find(text)
    assert (finding.answer, finding.also_crisis) == ("safety/urgent", "self")


@pytest.mark.parametrize(
    "text", ["voices tell me to", "hearing voices that say jump", "haven't slept in 4 days, feel amazing"]
)
def test_lost_touch_with_reality_is_an_emergency_with_the_crisis_words(check, text):
    finding = check.find(text)
    assert (finding.answer, finding.level, finding.also_crisis) == ("safety/urgent", "E", "emergency_first")


def test_nights_without_sleep_alone_are_not_an_emergency(check):
    assert check.find("i have not slept for three nights").answer == "safety/crisis"


def test_a_last_message_is_a_goodbye(check):
    assert check.find("this is my last message, bye").answer == "safety/crisis"


def test_a_bare_call_for_help_shows_both_lines(check):
    assert check.find("please help me").also_crisis == "self"


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("I want to die", None),
        ("he hits me", "violence"),
        ("my partner is abusive", "violence"),
        ("my wife says she wants to die", "other"),
        ("my sister's husband hits her", "other"),
        ("I'm going to hurt my husband", "emergency_first"),
        ("I'm 15 and scared of him", "minor"),
    ],
)
def test_a_crisis_finding_says_which_text_fits(check, text, variant):
    assert check.find(text) == Finding("safety/crisis", None, variant, check.find(text).signs)


def test_the_worst_sign_decides_the_level_and_comes_first(check):
    finding = check.find("14 weeks spotting and I passed out")
    assert (finding.level, finding.signs[0]) == ("E", "RF-02")
    assert "RF-08" in finding.signs


@pytest.mark.parametrize(("name", "part"), FLOORS)
def test_the_blind_messages_are_told_apart_as_well_as_before(check, name, part):
    messages = [row for row in read_yaml(BLIND / f"{name}.yml", "messages") if row["part"] == part]
    right = sum(is_as_expected(check.find(row["text"]), row["expect"]) for row in messages)
    assert right / len(messages) >= FLOORS[name, part], f"{right} of {len(messages)}"


@pytest.mark.parametrize("text", NOT_LANGUAGE + OTHER_SCRIPTS)
def test_text_that_says_nothing_finds_nothing_and_breaks_nothing(check, text):
    assert check.find(text) is None


def test_no_text_whatever_makes_it_raise(check):
    pieces = (DATA / "safety.yml").read_text(encoding="utf-8").split()
    dice = random.Random(1)
    for _ in range(300):
        check.find(" ".join(dice.choices(pieces, k=dice.randrange(40))))


def test_no_word_of_a_visitor_is_kept(check):
    check.find("i am bleeding heavily, my name is Xyzzabella Quorvith")
    assert not {"xyzzabella", "quorvith", "Xyzzabella"} & set(check._nlp.vocab.strings)


def test_a_sign_at_the_end_of_a_long_story_is_found(check):
    assert is_urgent(check.find("we went to the shops and then came home. " * 20 + "now i am soaking pads"))


def test_it_answers_at_once(check):
    messages = [
        row["text"] for name in ("urgent", "lookalikes") for row in read_yaml(BLIND / f"{name}.yml", "messages")
    ]
    times = sorted(timed(check, text) for text in [*messages, *("i am bleeding and " * 55,) * 5])
    assert times[int(len(times) * 0.95)] < SLOWEST_P95_S


def test_time_grows_with_the_text_and_no_faster(check):
    short, long = (min(timed(check, "i am bleeding a lot and " * n) for _ in range(3)) for n in (40, 160))
    assert long < 12 * short


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("    RF-01:\n", "    RF-01:\n      colour: red\n", "colour"),
        ("<soak> .. <pads>", "<sook> .. <pads>", "<sook>"),
        ("needs: [ectopic]", "needs: [ectopik]", "ectopik"),
        ("- huge", "- {huge", "line"),
    ],
)
def test_a_faulty_file_is_refused_with_its_fault_named(tmp_path, old, new, names):
    text = (
        (DATA / "safety.yml").read_text(encoding="utf-8").replace("- <faint>\n", "- huge clots\n        - <faint>\n", 1)
    )
    path = tmp_path / "safety.yml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(YamlFault, match=names):
        SafetyCheck(path)


def is_urgent(finding: Finding | None) -> bool:
    return finding is not None and finding.answer == "safety/urgent"


def is_crisis(finding: Finding | None) -> bool:
    """A crisis finding, or an urgent one that keeps the crisis beside it (safety.md, section 1, rule 8)."""
    return finding is not None and (finding.answer == "safety/crisis" or finding.also_crisis is not None)


def is_as_expected(finding: Finding | None, expect: str) -> bool:
    if expect == "none":
        return finding is None
    return is_crisis(finding) if expect == "crisis" else is_urgent(finding)


def timed(check: SafetyCheck, text: str) -> float:
    start = time.perf_counter()
    check.find(text)
    return time.perf_counter() - start
