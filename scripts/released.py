"""The models that go with a version of the project, in data/trained, so that a first start need not train.

They are those that were measured: `make release` puts them there. A model is told by the fingerprint of all it was made
from, so after a change of the training data these fit no more, and the next start trains.
"""

import shutil
from pathlib import Path

from bot.paths import DANGER_MODEL, DATA

RELEASED = DATA / "trained"
MARK = "fingerprint"  # the file beside a reader of danger that holds its fingerprint


def take_model(path: Path) -> None:
    """Have Rasa's model at its path in the folder of models, if there is none and it is among the released ones."""
    released = RELEASED / path.name
    if released.exists() and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".part")
        shutil.copyfile(released, half)
        half.replace(path)


def take_danger_model(fingerprint: str) -> None:
    """Have the reader of danger with this fingerprint in the folder of models, if it is the released one."""
    released = RELEASED / DANGER_MODEL.name
    if mark_of(released) == fingerprint != mark_of(DANGER_MODEL):
        _copy_danger_model(released, DANGER_MODEL)


def release(model: Path) -> None:
    """Make these the released models: this one of Rasa and the reader of danger in the folder of models."""
    shutil.rmtree(RELEASED, ignore_errors=True)
    RELEASED.mkdir(parents=True)
    shutil.copyfile(model, RELEASED / model.name)
    _copy_danger_model(DANGER_MODEL, RELEASED / DANGER_MODEL.name)


def mark_of(danger_model: Path) -> str:
    """Return the fingerprint of the reader of danger in a folder, or nothing where there is none."""
    mark = danger_model / MARK
    return mark.read_text() if mark.exists() else ""


def _copy_danger_model(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    (target / MARK).unlink(missing_ok=True)
    for file in source.iterdir():
        if file.name != MARK:
            shutil.copyfile(file, target / file.name)
    shutil.copyfile(source / MARK, target / MARK)  # last: it says that all is there


if __name__ == "__main__":
    from scripts.train import ensure_model

    release(ensure_model())
    print("The models for the present data stand in data/trained: measure them (make record), then commit both.")
