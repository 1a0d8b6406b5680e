"""HSTS, and whom to tell of a weakness; the headers of each response are tested with it, in tests/test_app.py."""

import re
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from bot.clinic import SettingsFault, load_clinic
from bot.paths import CLINIC, DATA
from bot.safety import SafetyCheck
from bot.web import app
from bot.web.app import create_app
from bot.web.headers import HEADERS, HSTS, security_headers
from tests.conftest import ENVIRONMENT


def test_only_production_tells_browsers_to_insist_on_tls():
    assert security_headers(is_production=True) == {**HEADERS, **HSTS}
    assert not set(HSTS) & set(security_headers(is_production=False))
    assert re.search(r"max-age=(\d+)", HSTS["Strict-Transport-Security"])[1] >= "31536000"


@pytest.fixture
def site_of(tmp_path, monkeypatch):
    """Return a function that makes the front server of a clinic with such a line in its settings."""
    safety = SafetyCheck(DATA / "safety.yml")

    def make(line: str, **settings: str) -> TestClient:
        file = tmp_path / "clinic.yml"
        file.write_text(CLINIC.read_text().replace("demo: true", "demo: false") + f"\n  {line}\n")
        monkeypatch.setattr(app, "CLINIC", file)
        return TestClient(create_app({**ENVIRONMENT, **settings}, safety=safety))

    return make


def test_every_response_in_production_insists_on_tls(site_of):
    site = site_of("", CLINIC_ENV="production")
    for path in ("/", "/healthz", "/nothing", "/static/site.css", "/widget.js"):
        assert (
            HSTS.items() <= site.get(path).headers.items()
            or {name.lower(): value for name, value in HSTS.items()}.items() <= dict(site.get(path).headers).items()
        )


@pytest.mark.parametrize("contact", ["mailto:security@clinic.example", "https://clinic.example/security"])
def test_whom_to_tell_of_a_weakness_is_told_where_the_clinic_says_so(site_of, contact):
    response = site_of(f"security_contact: {contact}").get("/.well-known/security.txt")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in response.text.splitlines())
    assert fields["Contact"] == contact
    left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
    assert 30 < left.days < 365


@pytest.mark.parametrize("contact", ["security@clinic.example", "http://clinic.example", "call us", "mailto:nobody"])
def test_a_contact_that_is_none_is_refused_with_the_remedy(tmp_path, contact):
    file = tmp_path / "clinic.yml"
    file.write_text(CLINIC.read_text() + f"\n  security_contact: {contact}\n")
    with pytest.raises(SettingsFault, match=r"security_contact.*mailto:"):
        load_clinic(file, {})


def test_no_response_sends_a_visitor_elsewhere(site):
    for path in ("/healthz/", "/api/answers/", "/static", "/widget.js/", "//evil.example/%2f.."):
        response = site.get(path, headers={"Host": "evil.example"}, follow_redirects=False)
        assert response.status_code == 404
        assert "location" not in response.headers
        assert "evil.example" not in response.text
