"""How Rasa's training gets its messages and rules from the project's files, as config.yml names it.

Rasa's own importer parses each file some ten times in pure Python, which took a third of a training. This one reads
each file of messages once, by the project's strict reader, and leaves rules and domain to Rasa's.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.constants import INTENT, METADATA, METADATA_INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.yaml_files import YamlFault, read_yaml

FIELDS = {"intent", "metadata", "examples"}


class Example(Message):
    """A training message. Rasa copies each several times, in depth; what ours hold stays, so a copy of the top does."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "Example":
        copied = Example(self.data, set(self.output_properties), self.time, list(self.features))
        copied._cached_fingerprint = self._cached_fingerprint
        return copied


class ProjectFiles(RasaFileImporter):
    """Messages from the files with the key `nlu`, all else from Rasa's importer."""

    def __init__(
        self,
        config_file: str | None = None,
        domain_path: str | None = None,
        training_data_paths: Sequence[str] | str | None = None,
    ) -> None:
        """Raises YamlFault where a file cannot be read."""
        paths = [training_data_paths] if isinstance(training_data_paths, str) else training_data_paths or []
        read = {file: read_yaml(file) for path in paths for file in yaml_files(Path(path))}
        self._messages = {
            file: content for file, content in read.items() if isinstance(content, dict) and "nlu" in content
        }
        super().__init__(config_file, domain_path, [str(file) for file in read if file not in self._messages])

    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        """Return the messages, read once however often Rasa asks. Raises YamlFault for an entry of another form."""
        return self._training_data

    @cached_property
    def _training_data(self) -> TrainingData:
        files = self._messages.items()
        return TrainingData([each for file, content in files for each in messages(file, content["nlu"] or ())])


def yaml_files(path: Path) -> list[Path]:
    """Return the YAML files of a folder, or the one file, in a fixed order."""
    return sorted(path.rglob("*.yml")) if path.is_dir() else [path]


def messages(file: Path, entries: Sequence[dict[str, Any]]) -> Iterator[Example]:
    """Yield the messages of a file's entries. Raises YamlFault for an entry of another form."""
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or set(entry) != FIELDS:
            raise YamlFault(f"{file}: entry {number}: must have {', '.join(sorted(FIELDS))}, and nothing else")
        for line in str(entry["examples"]).splitlines():
            if not line.startswith("- "):
                raise YamlFault(f"{file}: entry {number}: {line[:40]!r} is no example; begin it with '- '")
            metadata = {METADATA_INTENT: entry["metadata"]}
            yield Example({TEXT: line[2:].strip(), INTENT: entry["intent"], METADATA: metadata})
