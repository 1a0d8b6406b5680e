"""The released models: taken whole or not at all, and no other than what training gives."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from bot.danger_model import DangerModel
from bot.encoder import shared_encoder
from bot.paths import DANGER_MODEL, ROOT
from scripts import released
from scripts.evaluation.data import CALIBRATION, load_part
from scripts.train import WITHOUT_RELEASED, model_path

TRAINING_S = 1200
AS_SURE_WITHIN = 0.02  # on average: another processor rounds otherwise, and a network goes its own way from there
LIKE = 0.98  # of the messages are read as the same


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Folders of its own for what is released and for what is used."""
    monkeypatch.setattr(released, "RELEASED", tmp_path / "released")
    monkeypatch.setattr(released, "DANGER_MODEL", tmp_path / "models" / "danger")
    return tmp_path


def write_models(folder: Path, mark: str = "abc") -> Path:
    """Write a model and a reader of danger, as far as their files go."""
    (folder / "danger").mkdir(parents=True, exist_ok=True)
    (folder / "danger" / "danger.skops").write_text(f"danger {mark}")
    (folder / "danger" / "fingerprint").write_text(mark)
    (folder / f"{mark}.tar.gz").write_text(f"answers {mark}")
    return folder / f"{mark}.tar.gz"


def test_what_was_released_is_used_again_where_no_model_is(folders):
    model = write_models(folders / "models")
    released.release(model)
    for file in [model, *(folders / "models" / "danger").iterdir()]:
        file.unlink()
    released.take_model(model)
    released.take_danger_model("abc")
    assert model.read_text() == "answers abc"
    assert (folders / "models" / "danger" / "danger.skops").read_text() == "danger abc"
    assert released.mark_of(folders / "models" / "danger") == "abc"


def test_a_release_replaces_the_one_before(folders):
    for mark in ("old", "new"):
        released.release(write_models(folders / "models", mark))
    assert [file.name for file in (folders / "released").glob("*.tar.gz")] == ["new.tar.gz"]


def test_a_reader_of_danger_for_other_data_is_left_alone(folders):
    released.release(write_models(folders / "models", "old"))
    write_models(folders / "models", "new")
    released.take_danger_model("new")
    assert (folders / "models" / "danger" / "danger.skops").read_text() == "danger new"


def test_a_copy_that_broke_off_is_made_anew(folders):
    released.release(write_models(folders / "models"))
    (folders / "models" / "danger" / "fingerprint").unlink()
    (folders / "models" / "danger" / "danger.skops").write_text("half")
    released.take_danger_model("abc")
    assert (folders / "models" / "danger" / "danger.skops").read_text() == "danger abc"


# The models that are used, beside those that a training from nothing gives.


@pytest.fixture(scope="module")
def anew(tmp_path_factory) -> Path:
    """A folder of models that were trained just now, from nothing: some minutes."""
    folder = tmp_path_factory.mktemp("models")
    command = [sys.executable, "-W", "ignore", "-m", "scripts.train", WITHOUT_RELEASED]
    environ = os.environ | {"MODELS_FOLDER": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=TRAINING_S)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    return folder


@pytest.fixture(scope="module")
def messages() -> list[str]:
    return [message.ask for message in load_part(CALIBRATION).messages]


@pytest.mark.model
@pytest.mark.timeout(TRAINING_S)
def test_training_gives_the_answers_of_the_model_in_use(anew, messages, tmp_path):
    used = answers_of(model_path(), messages, tmp_path / "used")
    trained = answers_of(anew / model_path().name, messages, tmp_path / "trained")
    assert (used.argmax(axis=1) == trained.argmax(axis=1)).mean() >= LIKE
    assert np.abs(used - trained).max(axis=1).mean() <= AS_SURE_WITHIN


@pytest.mark.model
@pytest.mark.timeout(TRAINING_S)
def test_training_gives_the_reader_of_danger_in_use(anew, messages):
    used, trained = (dangers_of(DangerModel.load(folder), messages) for folder in (DANGER_MODEL, anew / "danger"))
    assert np.abs(used - trained).max(axis=1).mean() <= AS_SURE_WITHIN


def answers_of(model: Path, messages: list[str], folder: Path) -> np.ndarray:
    """Return the probability of each answer id that a trained model gives, shape (messages, ids)."""
    from bot.nlu.models import ANSWERS_FILE, Models

    with tarfile.open(model) as file:
        file.extractall(folder, filter="data")
    [fitted] = folder.rglob(ANSWERS_FILE)
    models, vectors = Models.load(fitted.parent), shared_encoder().embed(messages)
    return np.array([models.alone(text, vector[None, :]) for text, vector in zip(messages, vectors, strict=True)])


def dangers_of(model: DangerModel, messages: list[str]) -> np.ndarray:
    """Return how probable danger to the body and a crisis are, shape (messages, 2)."""
    readings = [model.read(text, shared_encoder().embed([text])[0]) for text in messages]
    return np.array([(reading.urgent, reading.crisis) for reading in readings])
