"""`make run`: what must be right before anything starts, and what it tells whoever starts it."""

import itertools
import os
import socket
from pathlib import Path

import httpx
import pytest

from bot.clinic import SettingsFault
from bot.paths import ROOT
from scripts import processes, run
from scripts.processes import CannotStart, free_port
from scripts.run import clear_left_behind, folder_in_memory, hold_port, kept_in_memory, main, prepare, wanted_port


@pytest.fixture
def used_port():
    """A port on loopback that something listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(autouse=True)
def trained(monkeypatch, tmp_path) -> list[str]:
    """The model is there without training, and the content is well; what is returned grows where it was asked for."""
    asked = []
    monkeypatch.setattr(run, "ensure_model", lambda: asked.append("model") or Path("models/a.tar.gz"))
    monkeypatch.setattr(run, "find_all", lambda today: ([], []))
    monkeypatch.setattr(run, "ROOT", tmp_path)  # where its working files go
    return asked


# Ports.


@pytest.mark.parametrize(("environ", "port"), [({}, 8080), ({"PORT": "1"}, 1), ({"PORT": "65535"}, 65535)])
def test_the_port_asked_for_is_used_else_8080(environ, port):
    assert wanted_port(environ) == port


@pytest.mark.parametrize("value", ["", "eighty", "0", "65536", "-1", "80.0", " 80", "8 080", "²"])
def test_what_is_no_port_is_told_with_an_example(value):
    with pytest.raises(CannotStart) as raised:
        wanted_port({"PORT": value})
    assert repr(value) in str(raised.value)
    assert "make run PORT=" in str(raised.value)


def test_a_port_in_use_is_told_with_another_to_choose(used_port):
    with pytest.raises(CannotStart) as raised:
        hold_port("127.0.0.1", used_port)
    assert f"Port {used_port} " in str(raised.value)
    assert f"make run PORT={used_port + 1 if used_port < 65535 else 8081}" in str(raised.value)


def test_the_other_port_to_choose_is_one_that_exists(monkeypatch):
    def in_use(host, port):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(run, "hold", in_use)
    with pytest.raises(CannotStart, match="make run PORT=8081"):
        hold_port("127.0.0.1", 65535)


def test_a_port_not_in_use_is_left_free_for_the_server(unused_port):
    hold_port("127.0.0.1", unused_port).close()
    socket.create_server(("127.0.0.1", unused_port)).close()


def test_an_address_of_another_machine_is_told():
    with pytest.raises(CannotStart, match=r"192\.0\.2\.1"):
        hold_port("192.0.2.1", 8080)  # an address that is given to nobody


def test_the_preferred_port_is_taken_where_it_is_free(unused_port):
    assert free_port(unused_port, taken=()) == unused_port


def test_any_free_port_is_taken_where_the_preferred_is_in_use(used_port):
    assert free_port(used_port, taken=()) not in (used_port, 0)


# What the processes are given.


def every_port_is_free(monkeypatch) -> None:
    others = itertools.count(40_000)
    monkeypatch.setattr(processes, "listen", lambda host, port: port or next(others))
    monkeypatch.setattr(run, "hold", lambda host, port: socket.socket())


def test_the_processes_are_given_where_to_listen_and_the_model(unused_port, trained):
    given = prepare({"PORT": str(unused_port), "KEPT": "yes"})
    assert given["ADDRESS"] == f"http://127.0.0.1:{unused_port}"
    assert (given["HOST"], given["PORT"]) == ("127.0.0.1", str(unused_port))
    assert given["MODEL"].endswith("a.tar.gz")
    assert given["KEPT"] == "yes"
    assert all(isinstance(value, str) for value in given.values())


def test_only_the_front_server_may_listen_beyond_loopback(unused_port):
    given = prepare({"PORT": str(unused_port), "HOST": "0.0.0.0"})
    assert given["HOST"] == "0.0.0.0"
    assert given["ADDRESS"] == f"http://127.0.0.1:{unused_port}"  # one that a browser can open
    assert given["RASA_URLS"] == f"http://127.0.0.1:{given['RASA_PORTS']}"
    assert given["SANIC_HOST"] == "127.0.0.1"


@pytest.mark.parametrize("port", ["5005", "5055"])  # those that Rasa and the action server would like
def test_no_two_processes_share_a_port(port, monkeypatch):
    every_port_is_free(monkeypatch)
    given = prepare({"PORT": port, "RASA_WORKERS": "3"})
    assert len({given["PORT"], *given["RASA_PORTS"].split(), *given["ACTIONS_PORTS"].split()}) == 7


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "::1", ""])
def test_the_address_that_is_shown_can_be_opened(host, monkeypatch):
    every_port_is_free(monkeypatch)
    address = httpx.URL(prepare({"HOST": host, "PORT": "8081"})["ADDRESS"])
    assert (bool(address.host), address.port) == (True, 8081)


def test_nothing_is_sent_to_rasas_makers_and_no_visitors_words_are_logged(unused_port):
    given = prepare({"PORT": str(unused_port), "LOG_LEVEL": "DEBUG", "RASA_TELEMETRY_ENABLED": "true"})
    assert given["RASA_TELEMETRY_ENABLED"] == "false"
    assert given["LOG_LEVEL"] == "INFO"  # Rasa's debug lines hold the words


# What stops the start.


def test_faulty_content_stops_the_start_with_every_fault(unused_port, monkeypatch, trained):
    monkeypatch.setattr(run, "find_all", lambda today: (["tests.yml: tests/pcos: a", "causes.yml: causes/pcos: b"], []))
    with pytest.raises(CannotStart, match=r"(?s)tests/pcos: a.*causes/pcos: b"):
        prepare({"PORT": str(unused_port)})
    assert trained == []


def test_a_warning_is_shown_and_stops_nothing(unused_port, monkeypatch, capsys):
    monkeypatch.setattr(run, "find_all", lambda today: ([], ["tests/pcos: review was due"]))
    assert prepare({"PORT": str(unused_port)})
    assert "tests/pcos: review was due" in capsys.readouterr().out


def test_a_demonstration_is_not_started_in_production(unused_port, trained):
    with pytest.raises(SettingsFault, match="demo"):
        prepare({"PORT": str(unused_port), "CLINIC_ENV": "production"})
    assert trained == []


def test_a_port_in_use_is_told_before_a_minute_of_training(used_port, trained):
    with pytest.raises(CannotStart):
        prepare({"PORT": str(used_port)})
    assert trained == []


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        pytest.param({"PORT": "eighty"}, "PORT is 'eighty'", id="no port"),
        pytest.param({"CLINIC_ENV": "production"}, "clinic.yml: demo: ", id="a demonstration in production"),
    ],
)
def test_the_command_fails_with_a_plain_message(environ, told, capsys, monkeypatch):
    monkeypatch.setattr(run, "ROOT", ROOT)
    assert main(environ) == 1
    shown = capsys.readouterr().err
    assert told in shown
    assert "Traceback" not in shown
    assert str(ROOT) not in shown  # paths as the project has them


def test_a_model_that_cannot_be_trained_is_told_by_the_command(unused_port, monkeypatch, capsys):
    def fail():
        raise RuntimeError("The model could not be trained.")

    monkeypatch.setattr(run, "ensure_model", fail)
    assert main({"PORT": str(unused_port)}) == 1
    assert "could not be trained" in capsys.readouterr().err


# What keeps nothing from starting.


def test_a_database_that_cannot_work_is_told_and_the_chat_starts_all_the_same(unused_port, tmp_path, capsys):
    junk = tmp_path / "junk.db"
    junk.write_text("no database at all, and rather long for a header " * 20)
    assert prepare({"PORT": str(unused_port), "DATABASE_URL": f"sqlite:///{junk}"})["MODEL"]
    shown = capsys.readouterr().out
    assert "is no database" in shown
    assert "make migrate" in shown


def test_an_address_of_no_database_stops_the_start(unused_port, trained, capsys):
    assert main({"PORT": str(unused_port), "DATABASE_URL": "mysql://user@host/name"}) == 1
    assert "DATABASE_URL" in capsys.readouterr().err
    assert trained == []


# What several front servers count.


def test_our_own_folder_is_in_memory_and_gone_at_the_end():
    with folder_in_memory() as folder:
        assert folder.parent == Path("/dev/shm")
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


def test_what_one_that_was_killed_left_behind_is_cleared_and_nothing_of_one_that_runs(tmp_path):
    gone, ours, theirs = (
        tmp_path / name for name in ("clinic-bot-99999999-a", f"clinic-bot-{os.getpid()}-b", "other-1")
    )
    for folder in (gone, ours, theirs):
        folder.mkdir()
        (folder / "latches.db").touch()
    clear_left_behind(tmp_path)
    assert (gone.exists(), ours.exists(), theirs.exists()) == (False, True, True)


SEVERAL = {"FRONT_WORKERS": "2", "REDIS_URL": "redis://127.0.0.1:6390/0"}


def test_several_front_servers_count_in_a_folder_of_their_own(tmp_path):
    folder = Path(kept_in_memory(SEVERAL, tmp_path)["PROMETHEUS_MULTIPROC_DIR"])
    assert folder.parent == tmp_path
    assert list(folder.iterdir()) == []


def test_a_folder_for_figures_that_is_named_is_used(tmp_path):
    settings = {**SEVERAL, "PROMETHEUS_MULTIPROC_DIR": "/their/own"}
    assert kept_in_memory(settings, tmp_path) == settings
    assert list(tmp_path.iterdir()) == []


def test_a_front_server_that_is_alone_keeps_who_is_in_danger(tmp_path):
    given = kept_in_memory({"FRONT_WORKERS": "1"}, tmp_path)
    assert given == {"FRONT_WORKERS": "1", "LATCHES_FILE": str(tmp_path / "latches.db")}
    assert "LATCHES_FILE" not in kept_in_memory({"FRONT_WORKERS": "1", "REDIS_URL": "redis://x"}, tmp_path)
