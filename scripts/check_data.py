"""Check clinic.yml, every answer and the other settings in data/: `python -m scripts.check_data [id or file ...]`.

Prints every fault of one run as path, id, fault and remedy; exit code 1 if there is any. With arguments only the
lines that name one of them are shown. A review date that has passed is a warning, never a fault.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from bot.cautions import load_cautions
from bot.checks import check_answers, load_content, overdue
from bot.clinic import CONDITIONS, PLACEHOLDERS, SettingsFault, age_warnings, load_clinic
from bot.followups import load_cues
from bot.gate import load_gate
from bot.paths import ANSWERS, CLINIC, DATA, ROOT
from bot.redaction_settings import read_settings
from bot.safety_rules import read_rules
from bot.sympathy import load_sympathy
from bot.topics import load_topics
from bot.yaml_files import YamlFault, read_yaml

# Beside the answers, what a start reads: file of data/ -> what reads it.
SETTINGS: Mapping[str, Callable[[Path], Any]] = {
    "safety.yml": lambda path: read_rules(path, frozenset()),
    "cautions.yml": load_cautions,
    "sympathy.yml": load_sympathy,
    "redaction.yml": read_settings,
    "gate.yml": load_gate,
    "topics.yml": load_topics,
    "followups.yml": load_cues,
    "shorthand.yml": lambda path: dict(read_yaml(path, "shorthand")),
    "page.yml": lambda path: dict(read_yaml(path, "page")),
    "desk.yml": lambda path: dict(read_yaml(path, "desk")),
}


def main(only: list[str]) -> int:
    """Print the faults and warnings; return the exit code."""
    faults, warnings = find_all(date.today())
    shown = [fault for fault in faults if not only or any(word in fault for word in only)]
    for line in (*shown, *(f"warning: {warning}" for warning in warnings)):
        print(line.replace(f"{ROOT}/", ""))
    print(f"{len(shown)} faults, {len(warnings)} warnings")
    return 1 if shown else 0


def find_all(today: date) -> tuple[list[str], list[str]]:
    """Return all faults and all warnings of the settings and the content."""
    faults: list[str] = []
    warnings: list[str] = []
    try:
        warnings += age_warnings(load_clinic(CLINIC), today)
    except SettingsFault as fault:
        faults += str(fault).splitlines()
    try:
        content = load_content(DATA, PLACEHOLDERS, CONDITIONS)
        faults += check_answers(content, ANSWERS)
        warnings += overdue(content.answers, today)
    except YamlFault as fault:
        faults += str(fault).splitlines()
    return [*faults, *settings_faults(DATA)], warnings


def settings_faults(data: Path) -> Iterator[str]:
    """Yield each fault of the settings beside the answers, of which a start reads every one."""
    for name, read in SETTINGS.items():
        try:
            read(data / name)
        except YamlFault as fault:
            yield from str(fault).splitlines()
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            yield f"{data / name}: can't be used ({type(error).__name__}: {error}); take the last change back"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
