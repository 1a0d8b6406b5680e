"""How many processes `make run` starts on one machine, what they share, and what is told where that cannot be."""

import configparser

import pytest

from bot.paths import ROOT
from scripts import processes
from scripts.processes import CannotStart, configuration, process_settings, write_configuration

HOST = {"HOST": "127.0.0.1", "PORT": "8080"}
TWO = {"FRONT_WORKERS": "2", "RASA_WORKERS": "2"}


def settings(environ) -> dict[str, str]:
    return process_settings(environ, port=8080)


def programs(environ, **given) -> configparser.RawConfigParser:
    """Return supervisord's configuration as it would be written."""
    parser = configparser.RawConfigParser(strict=True)
    parser.read_string(configuration("supervisord.conf", {**HOST, **settings(environ), **given}))
    return parser


def kept_running(parser: configparser.RawConfigParser) -> set[str]:
    """Return the names of the programs in supervisord's configuration."""
    return {name for name in parser.sections() if "program:" in name}


# How many.


def test_one_of_each_unless_more_are_asked_for():
    assert kept_running(programs({})) == {"program:actions-1", "program:rasa-1", "program:front"}


def test_each_rasa_has_its_own_port_and_its_own_action_server():
    found = programs(TWO)
    rasas = [found["program:rasa-1"], found["program:rasa-2"]]
    actions = [found["program:actions-1"], found["program:actions-2"]]
    assert len({rasa["command"] for rasa in rasas}) == 2
    for rasa, action in zip(rasas, actions, strict=True):
        port = action["command"].rpartition("--port ")[2]
        assert f":{port}/webhook" in rasa["environment"]


def test_the_front_servers_are_told_of_every_rasa():
    given = settings(TWO)
    assert given["RASA_URLS"].split(",") == [f"http://127.0.0.1:{port}" for port in given["RASA_PORTS"].split()]


def test_every_program_is_kept_running():
    found = programs(TWO)
    for name in kept_running(found):
        assert (found[name]["autorestart"], found[name]["stopasgroup"]) == ("true", "true")


@pytest.mark.parametrize("name", ["FRONT_WORKERS", "RASA_WORKERS"])
@pytest.mark.parametrize("value", ["0", "-1", "two", "2.5", "65", "1000000", "²", " 2"])
def test_what_is_no_number_of_processes_is_told_with_an_example(name, value):
    with pytest.raises(CannotStart, match=rf"{name} is .*{name}=2 make run"):
        settings({name: value})


# What they share.


def test_one_front_server_keeps_conversations_in_memory():
    given = settings({"RASA_WORKERS": "2"})
    assert given["ENDPOINTS"] == "endpoints.yml"
    assert "REDIS_URL" not in given


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(processes.shutil, "which", lambda name: f"/usr/bin/{name}")


def test_several_front_servers_get_a_redis_of_their_own_that_writes_nothing_to_disk(installed):
    given = settings(TWO)
    words = configuration("redis.conf", HOST | given).splitlines()
    (port,) = [line.split()[1] for line in words if line.startswith("port ")]
    (password,) = [line.split()[1] for line in words if line.startswith("requirepass ")]
    assert len(password) > 20
    assert (given["ENDPOINTS"], given["REDIS_URL"]) == (
        "endpoints.redis.yml",
        f"redis://:{password}@127.0.0.1:{port}/0",
    )
    assert {'save ""', "appendonly no", "bind 127.0.0.1"} <= set(words)


def test_its_password_is_nobodys_to_read(installed, tmp_path):
    given = HOST | settings(TWO)
    supervisor = write_configuration(given, tmp_path)
    assert given["OWN_REDIS"].split()[1] not in supervisor.read_text()
    assert {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {
        "supervisord.conf": 0,
        "redis.conf": 0,
    }


def test_a_redis_that_is_named_is_used():
    given = settings({**TWO, "REDIS_URL": "redis://:secret@cache.example:6380/1"})
    assert (given["ENDPOINTS"], given["REDIS_URL"]) == ("endpoints.redis.yml", "redis://:secret@cache.example:6380/1")
    assert "OWN_REDIS" not in given


def test_without_redis_several_front_servers_are_refused_with_the_reason_and_the_remedy(monkeypatch):
    monkeypatch.setattr(processes.shutil, "which", lambda name: None)
    with pytest.raises(CannotStart) as raised:
        settings(TWO)
    for words in ("in danger", "apt-get install redis-server", "REDIS_URL", "FRONT_WORKERS=1"):
        assert words in str(raised.value)


@pytest.mark.parametrize("url", ["localhost:6379", "http://:secret@x", "redis", "postgresql://:secret@x/y"])
def test_what_is_no_address_of_redis_is_told_without_its_password(url):
    with pytest.raises(CannotStart) as raised:
        settings({"REDIS_URL": url})
    assert "redis://localhost:6379/0" in str(raised.value)
    assert "secret" not in str(raised.value)


# How long.


def test_conversations_are_forgotten_after_half_an_hour_unless_sooner():
    assert settings({})["FORGET_AFTER_MINUTES"] == "30"
    assert settings({"FORGET_AFTER_MINUTES": "0.5"})["FORGET_AFTER_MINUTES"] == "0.5"


@pytest.mark.parametrize("value", ["0", "0.0", "31", "-1", "soon", "1e1", "٣"])
def test_longer_than_that_they_are_never_kept(value):
    with pytest.raises(CannotStart, match="FORGET_AFTER_MINUTES"):
        settings({"FORGET_AFTER_MINUTES": value})


def test_memory_is_written_over_where_asked_for():
    assert "MALLOC_PERTURB_" not in settings({})
    assert settings({"SCRUB_MEMORY": "1"})["PYTHONMALLOC"] == "malloc"
    with pytest.raises(CannotStart, match="SCRUB_MEMORY is 'yes'"):
        settings({"SCRUB_MEMORY": "yes"})


@pytest.mark.parametrize("name", ["endpoints.yml", "endpoints.redis.yml"])
def test_the_endpoints_file_that_is_chosen_is_there(name):
    assert (ROOT / name).exists()
