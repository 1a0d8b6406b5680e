"""When a model is trained: only if there is none for the present data."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from bot.kept_vectors import KeptVectors
from bot.links import with_last
from scripts import fingerprints, released, train
from scripts.evaluation.data import load_after, load_examples, load_followups
from scripts.fingerprints import fingerprint
from scripts.train import KEPT_MODELS, ensure_model


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project: config.yml, nlu/tests.yml and nlu/component.py."""
    (tmp_path / "nlu").mkdir()
    (tmp_path / "config.yml").write_text("language: en\n")
    (tmp_path / "nlu" / "tests.yml").write_text("nlu: []\n")
    (tmp_path / "nlu" / "component.py").write_text("pass\n")
    return tmp_path


def print_of(project, packages=("pyyaml",)) -> str:
    return fingerprint([project / "config.yml", project / "nlu"], packages)


def test_the_same_data_have_the_same_fingerprint(project):
    assert print_of(project) == print_of(project)


def test_a_fingerprint_fits_a_file_name(project):
    assert print_of(project).isalnum()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda at: (at / "config.yml").write_text("language: de\n"), id="the configuration"),
        pytest.param(lambda at: (at / "nlu" / "tests.yml").write_text("nlu: [a]\n"), id="the training data"),
        pytest.param(lambda at: (at / "nlu" / "component.py").write_text("pass \n"), id="a component"),
        pytest.param(lambda at: (at / "nlu" / "more.yml").write_text("nlu: []\n"), id="a new file"),
        pytest.param(lambda at: (at / "nlu" / "tests.yml").rename(at / "nlu" / "causes.yml"), id="a file's name"),
        pytest.param(lambda at: (at / "nlu" / "tests.yml").unlink(), id="a file fewer"),
    ],
)
def test_a_change_of_anything_the_model_is_made_from_changes_the_fingerprint(project, change):
    before = print_of(project)
    change(project)
    assert print_of(project) != before


def test_another_version_of_a_package_changes_the_fingerprint(project, monkeypatch):
    before = print_of(project)
    monkeypatch.setattr(fingerprints, "version", lambda package: "0.0.0")
    assert print_of(project) != before


def test_what_an_editor_or_python_leaves_behind_changes_nothing(project):
    before = print_of(project)
    (project / "nlu" / "__pycache__").mkdir()
    (project / "nlu" / "__pycache__" / "component.cpython-311.pyc").write_bytes(b"\x00")
    (project / "nlu" / "tests.yml~").write_text("old")
    os.utime(project / "nlu" / "tests.yml", (0, 0))
    assert print_of(project) == before


def test_a_clone_elsewhere_finds_the_same_fingerprint(project, tmp_path_factory):
    before = print_of(project)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "clone"
    project.rename(elsewhere)
    assert print_of(elsewhere) == before


def test_the_model_of_this_project_is_made_from_files_that_exist():
    assert all(path.exists() for path in train.TRAINED_FROM)
    assert train.model_path().name.endswith(".tar.gz")


# Training.


@pytest.fixture
def trainings(project, monkeypatch):
    """Training takes no time here: it writes a file and is counted."""
    models = project / "models"
    models.mkdir()
    done = []

    def write(path):
        done.append(path)
        path.write_text("a model")
        os.utime(path, (len(done), len(done)))  # a second apart

    monkeypatch.setattr(train, "MODELS", models)
    monkeypatch.setattr(train, "TRAINED_FROM", (project / "config.yml",))
    monkeypatch.setattr(train, "_train", write)
    monkeypatch.setattr(train, "_ensure_danger_model", lambda: None)
    monkeypatch.setattr(train, "take_danger_model", lambda wanted: None)
    monkeypatch.setattr(released, "RELEASED", project / "released")
    monkeypatch.setattr(train, "_read_messages", lambda vectors: None)
    monkeypatch.setattr(train, "KeptVectors", lambda: KeptVectors(project / "vectors.npz"))
    return done


def test_a_model_is_trained_once_for_the_same_data(trainings):
    first = ensure_model()
    assert first.exists()
    assert ensure_model() == first
    assert len(trainings) == 1


def test_a_change_trains_anew_and_going_back_finds_the_old_model(trainings, project):
    first = ensure_model()
    (project / "config.yml").write_text("language: de\n")
    assert ensure_model() != first
    (project / "config.yml").write_text("language: en\n")
    assert ensure_model() == first
    assert len(trainings) == 2


def test_the_newest_models_are_kept(trainings, project):
    for number in range(KEPT_MODELS + 2):
        (project / "config.yml").write_text(f"language: x{number}\n")
        ensure_model()
    assert sorted((project / "models").iterdir()) == sorted(trainings[-KEPT_MODELS:])


def test_a_released_model_for_the_present_data_is_taken_instead_of_training(trainings, project):
    (project / "released").mkdir()
    (project / "released" / train.model_path().name).write_text("a released model")
    assert ensure_model().read_text() == "a released model"
    assert not trainings


def test_the_released_model_is_not_taken_where_that_is_asked(trainings, project):
    (project / "released").mkdir()
    (project / "released" / train.model_path().name).write_text("a released model")
    assert ensure_model(with_released=False).read_text() == "a model"


def test_a_change_of_the_data_leaves_the_released_model_and_trains(trainings, project):
    (project / "released").mkdir()
    (project / "released" / train.model_path().name).write_text("a released model")
    (project / "config.yml").write_text("language: de\n")
    assert ensure_model().read_text() == "a model"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_trains_ends_with_whoever_started_it(end):
    command = [*train.ENDING_WITH_US, "sleep", "60"]
    program = f"import subprocess; p = subprocess.Popen({command}); print(p.pid, flush=True); p.wait()"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        training = psutil.Process(int(parent.stdout.readline()))
        while training.name() != "sleep":
            time.sleep(0.01)
        parent.send_signal(end)
    training.wait(5)


def test_the_vectors_of_all_that_is_trained_on_are_made_before_the_training():
    kept = set(train.training_texts())
    assert kept >= {example.text for example in load_examples()} | set(load_followups())
    assert kept >= {with_last(text, last) for text, last, _ in load_after()}
