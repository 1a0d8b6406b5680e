"""Where the project's files are. Nothing is opened here."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
ANSWERS = DATA / "answers"
SOURCES = DATA / "sources"
# MODELS_FOLDER names another folder for what is trained: the benchmark trains into one of its own.
MODELS = Path(os.environ.get("MODELS_FOLDER") or ROOT / "models")
DANGER_MODEL = MODELS / "danger"  # a folder
CLINIC = ROOT / "clinic.yml"
