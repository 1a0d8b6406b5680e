"""Where the project's files are. Nothing is opened here."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
ANSWERS = DATA / "answers"
SOURCES = DATA / "sources"
MODELS = ROOT / "models"
DANGER_MODEL = MODELS / "danger"  # a folder
CLINIC = ROOT / "clinic.yml"
