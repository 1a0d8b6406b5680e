"""The README tells the truth: its paths exist, its commands work, its output is real."""

import re
import subprocess
import sys

import pytest

from bot.answers import load_answers
from bot.checks import check_answers, load_content
from bot.clinic import CONDITIONS, PLACEHOLDERS
from bot.paths import ANSWERS, DATA, ROOT

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def block_after(heading: str) -> str:
    return re.split(r"^```\w*$", README.partition(heading)[2], flags=re.MULTILINE)[1]


def paths_in_the_tree():
    folder = ""
    for line in block_after("## The tree").strip().splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name if name.endswith("/") and name != "docs/decisions/" else ""
            yield name
        else:
            yield folder + name


@pytest.mark.parametrize("path", paths_in_the_tree())
def test_every_path_of_the_tree_exists(path):
    assert (ROOT / path.rstrip(",")).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|^|\$ |=\w+ )make ([a-z-]+)", README, re.MULTILINE))))
def test_every_make_target_named_exists(target):
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


def test_every_file_named_in_the_text_exists():
    named = re.findall(r"`((?:data|bot|tests|docs|ops|scripts|actions)/[\w./-]*\w)`", README)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_way_to_change_an_answer_works(tmp_path):
    """A clinician changes a sentence in one file, and what she gets wrong is told with path, id, fault and remedy."""
    answers = tmp_path / "data"
    subprocess.run(["cp", "-r", str(DATA), str(answers)], check=True)
    file = answers / "answers" / "tests.yml"
    before, record, after = file.read_text().partition("  tests/cervix:")
    file.write_text(before + record + after.replace("treatments/cervix", "treatments/cervx", 1))
    faults = check_answers(load_content(answers, PLACEHOLDERS, CONDITIONS), answers / "answers")
    (fault,) = [line for line in faults if "cervx" in line]
    assert "tests/cervix: next names treatments/cervx, which does not exist (nearest: treatments/cervix)" in fault
    assert fault.startswith(str(file))
    assert "treatments/cervix" in load_answers(ANSWERS)["tests/cervix"].next


@pytest.mark.model
def test_the_conversation_shown_is_what_the_bot_says():
    command = re.search(r'make ask Q="(.*)"', README)
    assert command
    answered = subprocess.run(
        [sys.executable, "-m", "scripts.ask", command[1]], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    shown = block_after("output of the command above").strip().splitlines()
    # The first line holds the confidence, whose last digit may differ between processors.
    assert shown[1:] == answered.stdout.strip().splitlines()[1:]
    assert shown[0].split(",")[0] == answered.stdout.strip().split(",")[0]
