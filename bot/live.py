"""The content in force, and how a changed file comes into force without a restart: once it passes every check.

A faulty change leaves the old content as it is; `faults` then says path, id, fault and remedy. The front server and
the action server each look at the same files by the same rules, so what the one shows the other says.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from bot.checks import Content, check_answers, load_content, reading_grades
from bot.clinic import CONDITIONS, PLACEHOLDERS, Clinic, SettingsFault, age_warnings, load_clinic
from bot.paths import ANSWERS, CLINIC, DATA, ROOT
from bot.reply import Renderer
from bot.yaml_files import YamlFault, read_yaml

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0  # a file that is being written is read once it has stood still this long
Made = TypeVar("Made")
OTHER_FILES = ("desk.yml", "page.yml", "wording.yml", "published_ids.yml")


@dataclass(frozen=True)
class Places:
    """Where the content is."""

    data: Path = DATA
    answers: Path = ANSWERS
    clinic: Path = CLINIC

    def files(self) -> Iterator[Path]:
        """Yield every file that can change while the bot runs."""
        yield self.clinic
        for folder in (self.answers, self.data / "sources"):
            yield from sorted(folder.glob("*.yml"))
        yield from (self.data / name for name in OTHER_FILES)


PLACES = Places()


@dataclass(frozen=True)
class Published:
    """One state of the content, complete and ready to be said."""

    content: Content
    clinic: Clinic
    desk_words: Mapping[str, Any]
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def renderer(self) -> Renderer:
        """What puts its records into replies."""
        return Renderer(self.content.answers, self.content.sources, self.clinic)

    @cached_property
    def grades(self) -> Mapping[str, float]:
        """The reading grade of each answer's text for visitors. Takes a second: ask for it in a thread."""
        return reading_grades(self.content)


class Live(Generic[Made]):
    """Holds what is in force, and what a server `makes` of it; looks for changes."""

    def __init__(
        self, makes: Callable[[Published], Made], places: Places = PLACES, environ: Mapping[str, str] = os.environ
    ) -> None:
        """Load the content without checking it: a start does that before. Raises SettingsFault or YamlFault.

        `makes` may raise YamlFault too: such a content is not taken.
        """
        self.now = load(places, environ)
        self.made = makes(self.now)
        self.faults: tuple[str, ...] = ()
        self._makes = makes
        self._places = places
        self._environ = environ
        self._files: Any = fingerprint(places)  # as they were when last read here
        self._seen: Any = None  # as they were when last looked at
        self._stopping = threading.Event()

    def look(self) -> bool:
        """Look at the files; return whether another content came into force.

        What was changed is read once it has stood still from one look to the next.
        """
        files, before = fingerprint(self._places), self._seen
        self._seen = files
        if files == self._files or files != before:
            return False
        self._files = files
        return self._read()

    def watch(self, on_new: Callable[[Made], object] = lambda made: None, *, check_first: bool = False) -> None:
        """Look again and again, in a thread of its own, until `stop`, and say what was made of each new content.

        `check_first` looks for faults in the files as they are, too.
        """
        self._files = None if check_first else self._files
        threading.Thread(target=self._watch, args=[on_new], daemon=True, name="content").start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()

    def _watch(self, on_new: Callable[[Made], object]) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            if self.look():
                on_new(self.made)

    def _read(self) -> bool:
        try:
            found = checked(self._places, self._environ, self.now)
            made = None if same(found, self.now) else self._makes(found)
        except (SettingsFault, YamlFault) as fault:
            return self._refuse(str(fault))
        except Exception as error:  # whatever a file holds, the next change must be seen
            return self._refuse(f"The content can't be read ({type(error).__name__}); take the last change back")
        self.faults = ()
        if made is None:
            return False
        self.now, self.made = found, made
        logger.info("content taken: the files as they are now are in force")
        for warning in age_warnings(found.clinic, date.today()):
            logger.warning(warning)
        return True

    def _refuse(self, faults: str) -> bool:
        self.faults = shown(faults.splitlines())
        for line in self.faults:
            logger.warning("content not taken: %s", line)
        return False


def load(places: Places, environ: Mapping[str, str]) -> Published:
    """Return the content as it is in the files, unchecked. Raises SettingsFault or YamlFault."""
    clinic = load_clinic(places.clinic, environ)
    content = load_content(places.data, PLACEHOLDERS, CONDITIONS, answers=places.answers)
    return Published(content, clinic, read_yaml(places.data / "desk.yml", "desk"))


def checked(places: Places, environ: Mapping[str, str], before: Published) -> Published:
    """Return the content of the files. Raises SettingsFault or YamlFault where it may not be published."""
    found, desk = load(places, environ), places.data / "desk.yml"
    faults = check_answers(found.content, places.answers)
    faults += [f"{desk}: {name}: is missing; put it back" for name in missing(before.desk_words, found.desk_words)]
    if faults:
        raise YamlFault("\n".join(faults))
    return found


def missing(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """Yield the names that stood in the words before and are not there now, or are of another kind."""
    if not isinstance(before, Mapping):
        return
    for key, value in before.items():
        if not isinstance(now, Mapping) or key not in now or type(now[key]) is not type(value):
            yield f"{name}{key}"
        else:
            yield from missing(value, now[key], f"{name}{key}.")


def same(found: Published, before: Published) -> bool:
    """Whether two contents say the same."""
    return (found.content, found.clinic, found.desk_words) == (before.content, before.clinic, before.desk_words)


def fingerprint(places: Places) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a file does."""
    return tuple(_state(path) for path in places.files())


def _state(path: Path) -> tuple[str, int, int]:
    try:
        state = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), state.st_mtime_ns, state.st_size


def shown(faults: list[str]) -> tuple[str, ...]:
    """Return the faults with paths as they are in the project."""
    return tuple(fault.replace(f"{ROOT}/", "") for fault in faults)
