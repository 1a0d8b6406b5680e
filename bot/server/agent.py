"""Rasa's agent without what costs time and gives nothing here: see runner.py, action_call.py and memory.py.

Each is Rasa's own class with a method of it replaced; docs/benchmarks.md has what each of them saves.
"""

import tarfile
from pathlib import Path
from typing import Any

from rasa.core.actions.action import Action, RemoteAction
from rasa.core.agent import Agent
from rasa.core.lock_store import LockStore
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import TrackerStore
from rasa.core.utils import AvailableEndpoints
from rasa.engine import loader
from rasa.engine.storage.local_model_storage import MODEL_ARCHIVE_METADATA_FILE, LocalModelStorage
from rasa.engine.storage.storage import ModelMetadata
from rasa.exceptions import ModelNotFound
from rasa.model import get_latest_model
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.events import ActionExecuted
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.utils.io import read_json_file
from rasa.utils.common import TempDirectoryPath, get_temp_dir_name

from bot.server.action_call import KeptConnection, LeanAction
from bot.server.runner import InOrderRunner


class ServingStorage(LocalModelStorage):
    """Rasa's reader of models, but for how the model was trained: that would load every component that Rasa has."""

    @staticmethod
    def _load_metadata(directory: Path) -> ModelMetadata:
        serialized = read_json_file(directory / MODEL_ARCHIVE_METADATA_FILE)
        return ModelMetadata.from_dict(serialized | {"train_schema": {"nodes": {}}})


class LeanProcessor(MessageProcessor):
    """Rasa's processor of messages, with our runner and our way to call actions."""

    @staticmethod
    def _load_model(model_path: Path | str) -> tuple[str, ModelMetadata, InOrderRunner]:
        path = Path(model_path)
        if path.is_dir():
            path = Path(get_latest_model(path) or path)
        with TempDirectoryPath(get_temp_dir_name()) as folder:
            try:
                metadata, runner = loader.load_predict_graph_runner(Path(folder), path, ServingStorage, InOrderRunner)
            except (OSError, tarfile.ReadError):
                raise ModelNotFound(f"{path} can't be read as a model; run 'make train'") from None
        return path.name, metadata, runner

    def _check_for_unseen_features(self, parse_data: dict[str, Any]) -> None:
        """Look for nothing: our intents are those of the domain, and Rasa makes an empty domain to begin with."""

    async def _run_action(self, action: Action, tracker: DialogueStateTracker, *args: Any, **kwargs: Any) -> bool:
        """Run an action; return whether the rules are to be asked for another one.

        They are not after one of ours: every rule ends with it, and to find that out takes as long as to begin.
        """
        if type(action) is not RemoteAction:
            return await super()._run_action(action, tracker, *args, **kwargs)
        await super()._run_action(LeanAction(action.name(), self.action_endpoint), tracker, *args, **kwargs)
        tracker.update(ActionExecuted(ACTION_LISTEN_NAME))
        return False


class LeanAgent(Agent):
    """Rasa's agent with our processor. A model that can't be loaded stops the start."""

    def load_model(self, model_path: Path | str, fingerprint: str | None = None) -> None:
        """Load the model. Raises ModelNotFound where there is none."""
        self.processor = LeanProcessor(
            model_path=model_path,
            tracker_store=self.tracker_store,
            lock_store=self.lock_store,
            action_endpoint=self.action_endpoint,
            generator=self.nlg,
        )
        self.domain = self.processor.domain
        self.tracker_store.domain = self.domain
        self._set_fingerprint(fingerprint)

    async def close(self) -> None:
        """Close the connection to the action server."""
        if isinstance(self.action_endpoint, KeptConnection):
            await self.action_endpoint.close()


def load_agent(model: Path | str, endpoints: AvailableEndpoints) -> LeanAgent:
    """Return the agent of a model, with the stores and the action server of the endpoints. Raises ModelNotFound."""
    agent = LeanAgent(
        tracker_store=TrackerStore.create(endpoints.tracker_store),
        lock_store=LockStore.create(endpoints.lock_store),
        action_endpoint=KeptConnection.like(endpoints.action) if endpoints.action else None,
    )
    agent.load_model(model)
    return agent
