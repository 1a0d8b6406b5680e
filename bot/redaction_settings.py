"""The settings of data/redaction.yml, apart from what works by them, whose libraries take a second to load."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.yaml_files import YamlFault, read_yaml


class RedactionSettings(BaseModel):
    """data/redaction.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    marks: Mapping[str, str]
    patterns: Mapping[str, tuple[str, ...]]
    names_after: tuple[str, ...]
    names_may_follow: tuple[str, ...]
    names_after_persons: tuple[str, ...]
    names_before: tuple[str, ...]
    towns_after: tuple[str, ...]
    work_after: tuple[str, ...]
    stay: Mapping[str, tuple[str, ...]]
    also_names: tuple[str, ...]
    names_of_self: tuple[str, ...]


def read_settings(path: Path) -> RedactionSettings:
    """Read data/redaction.yml. Raises YamlFault that names each wrong setting."""
    try:
        return RedactionSettings.model_validate(read_yaml(path, "redaction"))
    except ValidationError as error:
        faults = (f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise YamlFault("\n".join(faults)) from None
