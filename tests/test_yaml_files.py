"""The one strict YAML loader: what it reads, and what it tells whoever made a wrong edit."""

import pytest

from bot.yaml_files import YamlFault, read_yaml


def written(tmp_path, content: str | bytes):
    """Return the path of a file with this content."""
    path = tmp_path / "edited.yml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def fault_of(path, top_key=None) -> str:
    with pytest.raises(YamlFault) as raised:
        read_yaml(path, top_key)
    return str(raised.value)


def test_the_content_under_the_one_top_key_is_returned(tmp_path):
    assert read_yaml(written(tmp_path, "answers:\n  tests/pcos: {title: Tests}\n"), "answers") == {
        "tests/pcos": {"title": "Tests"}
    }


def test_without_a_top_key_the_whole_content_is_returned(tmp_path):
    assert read_yaml(written(tmp_path, "documents: {}\nfacts: [a, b]\n")) == {"documents": {}, "facts": ["a", "b"]}


def test_words_of_every_script_are_read(tmp_path):
    assert read_yaml(written(tmp_path, "meant: 葡萄胎, naïve, 🩸\n")) == {"meant": "葡萄胎, naïve, 🩸"}


def test_the_same_key_in_two_records_is_no_repetition(tmp_path):
    assert read_yaml(written(tmp_path, "a: {title: One}\nb: {title: Two}\n"))["b"] == {"title": "Two"}


@pytest.mark.parametrize(
    ("content", "place"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", "line 3", id="a key written twice"),
        pytest.param("a:\n  b: 1\n  b: 2\n", "line 3", id="a key written twice further in"),
        pytest.param("a:\n- {b: 1}\n- {b: 1, b: 2}\n", "line 3", id="a key written twice in a list"),
        pytest.param("a: 'no end\n", "line 2", id="a quote that is never closed"),
        pytest.param("a: b: c\n", "line 1, column 5", id="a colon that needs quotes"),
        pytest.param("a:\n\t- b\n", "line 2", id="a tab"),
        pytest.param(b"a: caf\xe9\n", "byte 6", id="not saved as UTF-8"),
        pytest.param("a: {{clinic_phone}}\n", "line 1", id="braces written twice: a mapping as a key"),
    ],
)
def test_a_wrong_edit_is_told_with_its_file_place_and_remedy(tmp_path, content, place):
    path = written(tmp_path, content)
    fault = fault_of(path)
    assert fault.startswith(f"{path}: ")
    assert place in fault
    assert "; " in fault  # what to do


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("answer:\n  a: 1\n", id="another name"),
        pytest.param("answers: {}\nextra: 1\n", id="a second key"),
        pytest.param("- answers\n", id="a list"),
        pytest.param("", id="an empty file"),
    ],
)
def test_a_file_must_have_exactly_the_top_key_that_is_asked_for(tmp_path, content):
    path = written(tmp_path, content)
    fault = fault_of(path, "answers")
    assert fault.startswith(f"{path}: ")
    assert "'answers:'" in fault


def test_a_missing_file_is_named(tmp_path):
    assert fault_of(tmp_path / "gone.yml").startswith(f"{tmp_path / 'gone.yml'}: ")


def test_yaml_cannot_make_objects_of_the_program(tmp_path):
    assert "line 1" in fault_of(written(tmp_path, "a: !!python/object/apply:os.getcwd []\n"))
