"""The clinic's settings: what must be there, what stops the start, and that no number stands anywhere else."""

import re
from datetime import date, datetime, timedelta

import pytest
import yaml

from bot.clinic import (
    OPTIONAL_PLACEHOLDERS,
    PLACEHOLDERS,
    Clinic,
    SettingsFault,
    age_warnings,
    load_clinic,
    tel,
)
from bot.paths import CLINIC, ROOT
from bot.yaml_files import read_yaml

SHIPPED = read_yaml(CLINIC, "clinic")
REQUIRED = sorted(name for name, field in Clinic.model_fields.items() if field.is_required())
PRODUCTION = {"CLINIC_ENV": "production"}
DAY = date(2025, 6, 1)


@pytest.fixture
def settings(tmp_path):
    """Return a function that writes clinic.yml: the one that ships, with changes; a value of None leaves it out."""

    def write(**changes):
        path = tmp_path / "clinic.yml"
        fields = {name: value for name, value in {**SHIPPED, **changes}.items() if value is not None}
        path.write_text(yaml.safe_dump({"clinic": fields}, allow_unicode=True))
        return path

    return write


def faults_of(path, environ=None, today=None) -> list[str]:
    with pytest.raises(SettingsFault) as raised:
        load_clinic(path, environ or {}, today)
    return str(raised.value).splitlines()


def test_the_settings_that_ship_are_those_of_a_demonstration(clinic):
    assert clinic.demo


@pytest.mark.parametrize("field", REQUIRED)
def test_a_missing_field_stops_the_start_and_is_named(settings, field):
    path = settings(**{field: None})
    assert all(line.startswith(f"{path}: {field}: is missing; ") for line in faults_of(path))


@pytest.mark.parametrize(
    ("moment", "line"),
    [
        ("2026-11-20 10:00", "urgent_phone"),  # a Friday
        ("2026-11-20 17:30", "after_hours_line"),
        ("2026-11-21 10:00", "after_hours_line"),  # a Saturday
    ],
)
def test_outside_its_hours_the_urgent_line_gives_way(settings, moment, line):
    clinic = load_clinic(settings(urgent_hours="Mo-Fr 09:00-17:00"), {})
    assert clinic.urgent_line_at(datetime.fromisoformat(moment)) == SHIPPED[line]


def test_with_no_line_for_now_there_is_the_emergency_number(settings):
    clinic = load_clinic(settings(urgent_hours="Mo-Fr 09:00-17:00", after_hours_line=None), {})
    assert clinic.urgent_line_at(datetime(2026, 11, 21, 3)) == SHIPPED["emergency_number"]


def test_hours_that_no_program_can_read_stop_the_start(settings):
    (fault,) = faults_of(settings(urgent_hours="every day"))
    assert "urgent_hours" in fault
    assert "24/7" in fault


@pytest.mark.parametrize(
    "field", ["phone", "booking_url", "emergency_number", "emergency_dept", "crisis_line", "dv_line"]
)
def test_what_a_person_in_danger_needs_is_required(field):
    assert field in REQUIRED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "  "),
        ("hours", ""),
        ("phone", "call us"),
        ("phone", "212-555-CARE"),
        ("emergency_number", "9"),  # a slip: no number has one digit
        ("emergency_number", ["911"]),
        ("crisis_text", "text HOME"),  # an optional field that is there must be right as well
        ("booking_url", "clinic.example/book"),
        ("booking_url", "javascript:alert(1)"),
        ("exit_url", "https://"),
        ("rosh_url", "see the website"),
        ("time_zone", "New York"),
        ("time_zone", "../../etc/passwd"),
        ("languages", "en"),
        ("languages", []),
        ("widget_origins", ["www.clinic.example"]),
        ("widget_origins", ["https://www.clinic.example/"]),  # a browser sends no slash
        ("widget_origins", ["https://www.clinic.example/chat"]),
        ("widget_origins", ["https://WWW.clinic.example"]),
        ("widget_origins", ["http://www.clinic.example"]),  # anybody on the way could read the chat
        ("widget_origins", ["*"]),
        ("widget_origins", ["null"]),
        ("widget_origins", "https://www.clinic.example"),
        ("verified_on", "last week"),
        ("demo", "perhaps"),
    ],
)
def test_a_malformed_field_stops_the_start_and_is_named(settings, field, value):
    path = settings(**{field: value})
    assert all(line.startswith(f"{path}: {field}: ") for line in faults_of(path))


@pytest.mark.parametrize(
    "number",
    [
        "911",
        "112",
        "212-555-0142",
        "212.555.0142",
        "+44 20 7946 0000",
        "+1 (212) 555-0142",
        "(212) 555-0142",  # the usual way to write one in the clinic's country
    ],
)
def test_a_telephone_number_is_kept_as_it_was_written(settings, number):
    assert load_clinic(settings(phone=number), {}).phone == number


def test_a_number_without_quotes_is_still_a_number(settings):
    assert load_clinic(settings(emergency_number=911), {}).emergency_number == "911"


def test_a_setting_with_a_slip_in_its_name_is_told_with_the_nearest(settings):
    path = settings(booking_ulr="https://clinic.example/")
    assert faults_of(path)[0].startswith(f"{path}: booking_ulr: ")
    assert "(nearest: booking_url)" in faults_of(path)[0]


def test_all_faults_come_in_one_run(settings):
    lines = faults_of(settings(name=None, phone="none", booking_url="none", huors="9 to 5"))
    assert [line.split(": ")[1] for line in lines] == ["name", "phone", "booking_url", "huors"]


@pytest.mark.parametrize("content", ["clinic:\n", "clinic: []\n", "clinc: {}\n", "clinic: {a: 1, a: 2}\n"])
def test_a_file_without_settings_is_told_by_its_path(tmp_path, content):
    path = tmp_path / "clinic.yml"
    path.write_text(content)
    assert faults_of(path)[0].startswith(f"{path}: ")


def test_a_missing_file_is_told_by_its_path(tmp_path):
    assert faults_of(tmp_path / "clinic.yml")[0].startswith(f"{tmp_path / 'clinic.yml'}: ")


def test_what_is_optional_may_be_left_out(settings):
    optional = {name: None for name in SHIPPED if name not in REQUIRED}
    assert load_clinic(settings(**optional), {}).urgent_phone is None


def test_production_refuses_a_demonstration(settings):
    path = settings(demo=True)
    assert faults_of(path, PRODUCTION, DAY)[0].startswith(f"{path}: demo: ")


def test_production_takes_a_clinic_verified_lately(settings):
    assert load_clinic(settings(demo=False, verified_on=DAY), PRODUCTION, DAY).name == SHIPPED["name"]


@pytest.mark.parametrize(("age", "is_refused"), [(180, False), (181, True)])
def test_production_refuses_numbers_verified_more_than_180_days_ago(settings, age, is_refused):
    path = settings(demo=False, verified_on=DAY - timedelta(days=age))
    if is_refused:
        assert faults_of(path, PRODUCTION, DAY)[0].startswith(f"{path}: verified_on: ")
    else:
        assert load_clinic(path, PRODUCTION, DAY)


def test_outside_production_no_age_stops_the_start(settings):
    assert load_clinic(settings(demo=False, verified_on=date(2001, 1, 1)), {}, DAY)


@pytest.mark.parametrize(("age", "warned"), [(90, 0), (91, 1)])
def test_numbers_verified_more_than_90_days_ago_give_a_warning(settings, age, warned):
    clinic = load_clinic(settings(demo=False, verified_on=DAY - timedelta(days=age)), {})
    assert len(age_warnings(clinic, DAY)) == warned


def test_a_demonstration_never_grows_old(clinic):
    assert age_warnings(clinic, date(2099, 1, 1)) == []


@pytest.mark.parametrize(
    ("without", "line"),
    [
        ((), "urgent_phone"),
        (("urgent_phone",), "after_hours_line"),
        (("urgent_phone", "after_hours_line"), "emergency_number"),
    ],
)
def test_the_line_for_today_falls_to_the_next_that_there_is(settings, without, line):
    clinic = load_clinic(settings(**dict.fromkeys(without)), {})
    assert clinic.urgent_line == SHIPPED[line]
    assert clinic.words["clinic_urgent_phone"] == SHIPPED[line]


def test_every_name_in_braces_that_an_answer_may_use_has_its_words(clinic):
    assert PLACEHOLDERS - OPTIONAL_PLACEHOLDERS <= set(clinic.words) <= PLACEHOLDERS
    assert all(clinic.words.values())


def test_a_document_without_a_link_has_none(settings):
    urls = load_clinic(settings(rosh_url=None), {}).document_urls
    assert urls == {"rosh": None, "encyclopedia": SHIPPED["encyclopedia_url"]}


@pytest.mark.parametrize(
    ("number", "link"),
    [("911", "tel:911"), ("+1 (212) 555-0142", "tel:+12125550142"), ("212.555.0142", "tel:2125550142")],
)
def test_a_number_becomes_a_link_of_digits(number, link):
    assert tel(number) == link


# No telephone number in code or content.

EMERGENCY_NUMBER = re.compile(r"(?<![\w.#-])(911|988|999|112)(?![\w%])")
PHONE_LIKE = re.compile(
    r"(?<![\w.-])(\+\d[\d ()-]{6,}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}|\d{3}-\d{4}|1-\d{3}-[\w-]+)(?!\w)"
)
# What we say or do. data/safety.yml is what visitors type: "do I call …" must be understood, and is said to nobody.
WRITTEN_BY_US = ("bot", "actions", "scripts", "data/answers")
TEXTS = {".py", ".yml", ".html", ".js", ".css", ".sh"}


def texts_of(place: str):
    """Yield (path, text) of every file of ours in the place."""
    path = ROOT / place
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.suffix in TEXTS:
            yield file.relative_to(ROOT), file.read_text()


def lines_with(place: str, *patterns: re.Pattern[str]) -> list[str]:
    """Return the lines of a place in which one of the patterns is found, with where they stand."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path, text in texts_of(place)
        for number, line in enumerate(text.splitlines(), 1)
        if any(pattern.search(line) for pattern in patterns)
    ]


@pytest.mark.parametrize("place", WRITTEN_BY_US)
def test_no_telephone_number_stands_outside_the_settings(place):
    assert list(texts_of(place))
    assert lines_with(place, EMERGENCY_NUMBER, PHONE_LIKE) == []


def test_no_full_telephone_number_stands_among_the_words_of_danger():
    assert lines_with("data/safety.yml", PHONE_LIKE) == []


@pytest.mark.parametrize(
    "line",
    ["Call 911 now", "'988'", "(212) 555-0142", "212-555-0142", "+44 20 7946 0000", "1-800-799-SAFE", "555-0142"],
)
def test_the_search_for_telephone_numbers_would_find_one(line):
    assert EMERGENCY_NUMBER.search(line) or PHONE_LIKE.search(line)


def test_the_sites_that_may_carry_the_chat_are_secure_ones_or_this_machine(settings):
    origins = ["https://www.clinic.example", "https://clinic.example:8443", "http://localhost:8000", "http://127.0.0.1"]
    assert load_clinic(settings(widget_origins=origins), {}).widget_origins == tuple(origins)
