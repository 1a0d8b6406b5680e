"""Whatever stands in a message, a file or a setting, the parser takes it or says what is wrong; it never breaks."""

import json
import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.clinic import SettingsFault, load_clinic
from bot.paths import CLINIC, DATA
from bot.safety import CRISIS, URGENT, SafetyCheck
from bot.web.chat import MAX_TEXT, clean_text, parse_turn
from bot.web.conversations import Conversations
from bot.web.errors import ApiError
from bot.web.limits import network
from bot.yaml_files import YamlFault, read_yaml

many = settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
ANY_TEXT = st.text(st.characters(codec=None), max_size=1_200)  # half characters too, which JSON can carry
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
TURNS = st.dictionaries(st.sampled_from(["conversation", "text", "choice"]), JSON_VALUES) | JSON_VALUES
LINES = CLINIC.read_text().splitlines()
YAML_SIGNS = st.text("{}[]:,-?&*!|>'\"%@`#~ \n\tab01.<=", max_size=80)


@many
@given(TURNS)
def test_any_json_is_a_turn_or_an_error_that_says_what_to_do(body):
    try:
        turn = parse_turn(body)
    except ApiError as error:
        assert error.status == 400
        assert error.message.endswith(".")
        json.dumps(error.message).encode()
        return
    assert (turn.text is None) != (turn.choice is None)


@many
@given(ANY_TEXT)
def test_any_text_is_cleaned_once_and_for_all(raw):
    try:
        text = clean_text(raw)
    except ApiError as error:
        assert error.code in ("text_empty", "text_too_long")
        return
    assert 0 < len(text) <= MAX_TEXT
    assert not text.startswith("/")
    assert text == unicodedata.normalize("NFC", text)
    assert not [sign for sign in text if unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t"]
    assert clean_text(text) == text
    text.encode()


@pytest.fixture(scope="module")
def safety() -> SafetyCheck:
    return SafetyCheck(DATA / "safety.yml")


@settings(many, max_examples=600)
@given(
    text=ANY_TEXT
    | st.lists(st.sampled_from(["pad", "bleeding", "no", "not", "my", "!", ".", "38", "°C", "🩸", "?"])).map(" ".join)
)
def test_any_text_can_be_looked_through_for_danger(safety, text):
    finding = safety.find(text)
    assert finding is None or finding.answer in (URGENT, CRISIS)
    if finding and finding.answer == URGENT:
        assert finding.level in ("E", "D")


@many
@given(ANY_TEXT)
def test_no_made_up_id_is_ours(id):
    assert not Conversations("a secret").is_ours(id)


@many
@given(st.none() | st.text(max_size=60) | st.text(string.hexdigits + ":.%/", max_size=45) | st.ip_addresses().map(str))
def test_any_address_counts_as_something_short(address):
    assert 0 < len(network(address)) < 60


# YAML.


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("yaml") / "file.yml"


@many
@given(
    content=st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore"))
    | YAML_SIGNS.map(str.encode)
)
def test_any_file_is_read_or_told_with_its_path(file, content):
    file.write_bytes(content)
    try:
        read_yaml(file)
    except YamlFault as fault:
        assert str(fault).startswith(str(file))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("[" * 5_000, id="nested 5,000 deep"),
        pytest.param("a: " * 500, id="mappings in mappings"),
        pytest.param("{" * 3_000 + "}" * 3_000, id="braces"),
        pytest.param("- " * 20_000, id="20,000 lists in lists"),
        pytest.param("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*c, *c]\ne: [*d, *d]", id="names for names"),
        pytest.param("&a [*a]", id="a list in itself"),
        pytest.param("!!python/object/apply:os.system ['true']", id="a command"),
        pytest.param("? {a: b}\n: c", id="a mapping as a key"),
        pytest.param("2026-13-45: x", id="no date"),
        pytest.param("x: 2026-02-31", id="no such day"),
        pytest.param("x: 1" + "0" * 5_000, id="a number of 5,000 digits"),
        pytest.param("x: 0x", id="no number"),
        pytest.param("x: 1:99:99.5.5", id="no time"),
        pytest.param("x: !!float abc", id="no float"),
        pytest.param("x: !!timestamp abc", id="no timestamp"),
        pytest.param("x: !!bool abc", id="no truth"),
        pytest.param("x: !!binary é", id="no binary"),
        pytest.param("<<: 3", id="a merge of nothing"),
        pytest.param("\ufeffa: b", id="a byte order mark"),
        pytest.param("a: \x00", id="a null character"),
    ],
)
def test_a_file_made_to_break_the_reader_is_read_or_told(file, content):
    file.write_text(content, encoding="utf-8")
    try:
        read_yaml(file)
    except YamlFault as fault:
        assert str(fault).startswith(str(file))


@settings(many, max_examples=400)
@given(line=st.integers(0, len(LINES) - 1), instead=YAML_SIGNS | st.text(max_size=60), keeps_name=st.booleans())
def test_any_line_of_the_clinic_s_settings_may_be_spoiled(file, line, instead, keeps_name):
    """The start is refused with a message, or goes on with settings that hold."""
    name = LINES[line].partition(":")[0] + ": " if keeps_name else ""
    file.write_text("\n".join([*LINES[:line], name + instead, *LINES[line + 1 :]]), encoding="utf-8", errors="replace")
    try:
        clinic = load_clinic(file, {})
    except SettingsFault as fault:
        assert all(part.strip() for part in str(fault).splitlines())
        assert str(file) in str(fault)
        return
    assert clinic.emergency_number
    assert clinic.urgent_line
    assert dict(clinic.words)
