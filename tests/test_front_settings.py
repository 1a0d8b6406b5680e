"""The front server's settings from the environment: what is taken, and what is refused with which remedy."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.clinic import SettingsFault
from bot.web.serve import log_format
from bot.web.settings import FrontSettings, load_settings

NAMES = sorted(str(field.alias) for field in FrontSettings.model_fields.values())


def test_nothing_needs_to_be_set():
    settings = load_settings({})
    assert not settings.is_production
    assert settings.trusted_proxies == ()
    assert settings.metrics_token == settings.redis_url == ""
    assert [str(rate) for rate in settings.address_rates] == ["120 per 1 minute"]


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_variable_counts_as_not_set(name):
    assert load_settings({name: ""}) == load_settings({})


@pytest.mark.parametrize(
    ("variables", "field", "value"),
    [
        ({"TRUSTED_PROXIES": "10.0.0.7"}, "trusted_proxies", ("10.0.0.7",)),
        ({"TRUSTED_PROXIES": " 10.0.0.0/24 , ::1,"}, "trusted_proxies", ("10.0.0.0/24", "::1")),
        ({"REDIS_URL": "rediss://:word@cache.example:6380/1"}, "redis_url", "rediss://:word@cache.example:6380/1"),
        ({"CLINIC_ENV": "production"}, "is_production", True),
    ],
)
def test_what_is_set_is_taken(variables, field, value):
    assert getattr(load_settings(variables), field) == value


def test_a_rate_may_have_several_parts():
    assert len(load_settings({"RATE_CONVERSATION": "5/second; 200/hour"}).conversation_rates) == 2


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("RATE_ADDRESS", "many", "30/minute"),
        ("RATE_ADDRESS", "0/minute", "30/minute"),
        ("RATE_OTHER", "-1/minute", "30/minute"),
        ("RATE_CONVERSATION", "30 minutes", "30/minute"),
        ("TRUSTED_PROXIES", "*", "10.0.0.0/24"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "10.0.0.0/24"),  # everybody
        ("TRUSTED_PROXIES", "::/0", "10.0.0.0/24"),
        ("TRUSTED_PROXIES", "proxy.example", "10.0.0.0/24"),
        ("TRUSTED_PROXIES", "10.0.0.7/24", "10.0.0.0/24"),  # a slip: which of the two was meant?
        ("REDIS_URL", "127.0.0.1:6379", "redis://127.0.0.1:6379/0"),
        ("REDIS_URL", "http://cache.example", "redis://127.0.0.1:6379/0"),
        ("METRICS_TOKEN", "short", "openssl rand -hex 32"),
        ("METRICS_TOKEN", "thirty characters with blanks in it", "openssl rand -hex 32"),
        ("METRICS_TOKEN", "ééééééééééééééééééééééééééé", "openssl rand -hex 32"),
    ],
)
def test_what_cannot_be_used_is_told_with_the_remedy(name, value, remedy):
    with pytest.raises(SettingsFault) as fault:
        load_settings({name: value})
    assert str(fault.value).startswith(name)
    assert remedy in str(fault.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(SettingsFault) as fault:
        load_settings({"RATE_ADDRESS": "x", "TRUSTED_PROXIES": "x"})
    assert len(str(fault.value).splitlines()) == 2


def test_a_secret_is_never_repeated_in_a_fault():
    with pytest.raises(SettingsFault) as fault:
        load_settings({"METRICS_TOKEN": "hunter2", "REDIS_URL": "hunter2"})
    assert "hunter2" not in str(fault.value)


@pytest.mark.parametrize("value", ["xml", "JSON", " "])
def test_a_log_format_that_there_is_not_is_told(value):
    with pytest.raises(SettingsFault, match="line or json"):
        log_format({"LOG_FORMAT": value})


TEXTS = st.text(max_size=60) | st.text(string.digits + "./:;,*- minutehour", max_size=40)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(NAMES), TEXTS))
def test_whatever_is_set_is_taken_or_told(variables):
    try:
        load_settings(variables)
    except SettingsFault as fault:
        assert all(line.startswith(tuple(NAMES)) for line in str(fault).split("\n") if line.strip())
