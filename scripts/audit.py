"""Look up known weaknesses of every package in the lock file: `python -m scripts.audit`.

docs/advisories.yml names those that are accepted, each with its reason. pip-audit asks the advisory service of the
package index; it runs in an environment of its own (scripts/install_tools.sh), for beside Rasa it would lift packages.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bot.paths import ROOT
from bot.yaml_files import YamlFault, read_yaml

PIP_AUDIT = ROOT / ".tools" / "apart" / "bin" / "pip-audit"
LOCK = ROOT / "requirements.txt"
ACCEPTED = ROOT / "docs" / "advisories.yml"
PROBE_WITHIN_S, AUDIT_WITHIN_S = 60, 900
FIELDS = {"package", "reason", "until"}
NOT_REACHED = (
    "The advisory service could not be reached: NOTHING WAS AUDITED.\n"
    "Run `make audit` again where this machine reaches the package index; a release needs it."
)


class CannotAudit(RuntimeError):
    """The audit could not be made; the message says why and what to do."""


def main() -> int:
    """Print every weakness that is not accepted; return the exit code."""
    try:
        accepted = load_accepted(ACCEPTED)
        found = weaknesses(LOCK)
    except (CannotAudit, YamlFault) as reason:
        print(reason, file=sys.stderr)
        return 1
    told = [*faults(found, accepted)]
    print("\n".join(told) or f"No weakness is known that docs/advisories.yml does not accept ({len(found)} accepted).")
    return 1 if told else 0


def load_accepted(path: Path) -> dict[str, Mapping[str, str]]:
    """Return the accepted advisories by id. Raises YamlFault where one lacks its package, reason or date."""
    accepted: dict[str, Mapping[str, str]] = read_yaml(path, "advisories") or {}
    for id, entry in accepted.items():
        if set(entry) != FIELDS or not all(entry.values()):
            raise YamlFault(f"{path}: {id}: give exactly {', '.join(sorted(FIELDS))}, each with words")
    return accepted


def weaknesses(lock: Path) -> dict[str, str]:
    """Return the package of each advisory on what the lock file holds. Raises CannotAudit."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.txt"
        probe.write_text(first_package(lock))
        run_pip_audit(probe, PROBE_WITHIN_S)
        return by_advisory(run_pip_audit(lock, AUDIT_WITHIN_S))


def first_package(lock: Path) -> str:
    """Return the first line of a lock file that pins a package: enough to see whether anybody answers."""
    return next(line.split()[0] for line in lock.read_text().splitlines() if "==" in line)


def run_pip_audit(requirements: Path, within_s: float) -> dict[str, Any]:
    """Return pip-audit's report. Raises CannotAudit where it has none to give."""
    command = [str(PIP_AUDIT), "--requirement", str(requirements), "--no-deps", "--disable-pip", "--format", "json",
               "--progress-spinner", "off"]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=within_s)
        report: dict[str, Any] = json.loads(done.stdout)
    except FileNotFoundError:
        raise CannotAudit("pip-audit is missing; run scripts/install_tools.sh") from None
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        raise CannotAudit(NOT_REACHED) from None
    if skipped := [each["name"] for each in report["dependencies"] if "skip_reason" in each]:
        raise CannotAudit(f"These packages could not be looked up: {', '.join(skipped)}. Run `make audit` again.")
    return report


def by_advisory(report: Mapping[str, Any]) -> dict[str, str]:
    """Return 'package version' by the id of each advisory in a report."""
    return {
        weakness["id"]: f"{package['name']} {package['version']}"
        for package in report["dependencies"]
        for weakness in package["vulns"]
    }


def faults(found: Mapping[str, str], accepted: Mapping[str, Mapping[str, str]]) -> Iterable[str]:
    """Yield a line for each weakness that nobody accepted, and for each acceptance that has become idle."""
    for id, package in found.items():
        if id not in accepted:
            yield f"{id}: {package}: lift the package, or accept it in docs/advisories.yml with the reason"
        elif accepted[id]["package"] != package.split()[0]:
            yield f"docs/advisories.yml: {id}: is about {package.split()[0]}, not {accepted[id]['package']}; mend it"
    for id in accepted:
        if id not in found:
            yield f"docs/advisories.yml: {id}: is not found any more; take it out"


if __name__ == "__main__":
    sys.exit(main())
