"""The description of the interface for programs (OpenAPI), served at /openapi.json. Its words are in openapi.yml."""

from pathlib import Path
from typing import Any

from bot.yaml_files import read_yaml

FILE = Path(__file__).with_name("openapi.yml")


def load_description() -> dict[str, Any]:
    """Return the description as it is served."""
    description: dict[str, Any] = read_yaml(FILE)
    return description
