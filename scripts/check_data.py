"""Check clinic.yml and every answer: `python -m scripts.check_data [id or file ...]`.

Prints every fault of one run as path, id, fault and remedy; exit code 1 if there is any. With arguments only the
lines that name one of them are shown. A review date that has passed is a warning, never a fault.
"""

import sys
from datetime import date

from bot.checks import check_answers, load_content, overdue
from bot.clinic import CONDITIONS, PLACEHOLDERS, SettingsFault, age_warnings, load_clinic
from bot.paths import ANSWERS, CLINIC, DATA, ROOT
from bot.yaml_files import YamlFault


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
    return faults, warnings


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
