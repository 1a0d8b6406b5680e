"""The audit of the lock file: what is told, what is accepted, and that no answer is never taken for a good one."""

import json
import re
import stat

import pytest

from bot.paths import ROOT
from bot.yaml_files import YamlFault
from scripts import audit
from scripts.audit import ACCEPTED, LOCK, NOT_REACHED, CannotAudit, by_advisory, faults, load_accepted, run_pip_audit

REPORT = {
    "dependencies": [
        {"name": "sanic", "version": "21.12.2", "vulns": [{"id": "CVE-1", "fix_versions": ["22"]}]},
        {"name": "starlette", "version": "1.0", "vulns": []},
    ]
}
ACCEPTANCE = {"package": "sanic", "reason": "loopback only", "until": "a newer Rasa"}


def program(tmp_path, words: str, seconds: int = 0):
    """Return a program that prints the words, as pip-audit would."""
    path = tmp_path / "pip-audit"
    path.write_text(f"#!/bin/sh\nsleep {seconds}\ncat <<'END'\n{words}\nEND\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_weakness_is_told_with_what_to_do():
    (told,) = faults(by_advisory(REPORT), {})
    assert told.startswith("CVE-1: sanic 21.12.2: ")
    assert "docs/advisories.yml" in told


def test_an_accepted_weakness_is_not_told():
    assert list(faults(by_advisory(REPORT), {"CVE-1": ACCEPTANCE})) == []


def test_an_acceptance_that_is_idle_or_about_another_package_is_told():
    idle = list(faults({}, {"CVE-1": ACCEPTANCE}))
    other = list(faults(by_advisory(REPORT), {"CVE-1": {**ACCEPTANCE, "package": "uvicorn"}}))
    assert ["CVE-1" in line for line in (*idle, *other)] == [True, True]


@pytest.mark.parametrize("entry", [{}, {"package": "sanic"}, {**ACCEPTANCE, "reason": ""}, {**ACCEPTANCE, "x": "y"}])
def test_nothing_is_accepted_without_a_reason(tmp_path, entry):
    file = tmp_path / "advisories.yml"
    file.write_text(json.dumps({"advisories": {"CVE-1": entry}}))
    with pytest.raises(YamlFault, match="CVE-1"):
        load_accepted(file)


def test_the_list_that_ships_can_be_read():
    load_accepted(ACCEPTED)


@pytest.mark.parametrize("words", ["", "Traceback: ConnectionError"])
def test_no_answer_is_no_good_answer(tmp_path, monkeypatch, words):
    monkeypatch.setattr(audit, "PIP_AUDIT", program(tmp_path, words))
    with pytest.raises(CannotAudit, match="NOTHING WAS AUDITED"):
        run_pip_audit(LOCK, 20)


def test_a_service_that_does_not_answer_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(audit, "PIP_AUDIT", program(tmp_path, "{}", seconds=20))
    monkeypatch.setattr(audit, "PROBE_WITHIN_S", 0.2)
    assert audit.main() == 1
    assert NOT_REACHED in capsys.readouterr().err


def test_a_package_that_could_not_be_looked_up_is_told(tmp_path, monkeypatch):
    skipped = {"dependencies": [{"name": "sanic", "skip_reason": "not found"}]}
    monkeypatch.setattr(audit, "PIP_AUDIT", program(tmp_path, json.dumps(skipped)))
    with pytest.raises(CannotAudit, match="sanic"):
        run_pip_audit(LOCK, 20)


def test_the_tools_are_pinned_with_their_hashes():
    pins = [line for line in (ROOT / "requirements-tools.txt").read_text().splitlines() if re.match(r"^[a-z]", line)]
    assert {"pip-audit", "cyclonedx-bom", "schemathesis", "openapi-spec-validator"} <= {
        pin.split("==")[0] for pin in pins
    }
    assert all(pin.endswith("\\") for pin in pins)  # a hash follows
