"""Rasa's server with less work for each message: what is left out changes no reply."""

import asyncio
import subprocess
import sys

import pytest
import yaml
from aiohttp import ClientConnectionError, web
from jsonschema import ValidationError
from rasa.core.channels.channel import UserMessage
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.exceptions import ModelNotFound
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SlotSet, UserUttered
from rasa.shared.core.slots import TextSlot
from rasa.shared.core.trackers import DialogueStateTracker

from bot.paths import DATA, ROOT
from bot.server.action_call import KeptConnection, LeanAction
from bot.server.agent import LeanAgent
from bot.server.memory import as_kept, recalled
from tests.product import free_port

WORDS = "my name is Zanzibar Quillfeather"


def tracker(*events) -> DialogueStateTracker:
    return DialogueStateTracker.from_events("a", list(events), slots=[TextSlot("topic", []), TextSlot("other", [])])


# What is kept of a conversation.


def test_slots_are_kept_and_words_are_not():
    kept = as_kept(tracker(UserUttered(WORDS), SlotSet("topic", "pcos")))
    assert "Quillfeather" not in kept
    again = recalled(tracker(), kept)
    assert again.current_slot_values() == {"topic": "pcos", "other": None}
    assert again.latest_action_name == "action_listen"


def test_a_long_conversation_is_kept_in_no_more_than_a_short_one():
    turn = [UserUttered(WORDS), SlotSet("topic", "pcos")]
    assert as_kept(tracker(*turn * 200)) == as_kept(tracker(*turn))


def test_the_rules_need_no_more_than_the_latest_message():
    """Else what is kept of a conversation would not do: bot/server/memory.py."""
    policies = yaml.safe_load((ROOT / "config.yml").read_text())["policies"]
    assert [policy["name"] for policy in policies] == ["RulePolicy"]
    for rule in yaml.safe_load((DATA / "stories" / "rules.yml").read_text())["rules"]:
        assert [list(step) for step in rule["steps"]] == [["intent"], ["action"]]
        assert not rule.keys() & {"condition", "conversation_start"}
    domain = yaml.safe_load((ROOT / "domain.yml").read_text())
    assert "forms" not in domain
    assert not any(slot["influence_conversation"] for slot in domain["slots"].values())


# The call of an action.


class ActionServer:
    """A real server in the place of the action server; `closes` has it close each connection after its answer."""

    def __init__(self, *, closes: bool = False, answer=None) -> None:
        self.port = free_port()
        self.received: list[dict] = []
        self.connections: set = set()
        self._closes = closes
        self._answer = answer or {"events": [{"event": "slot", "name": "topic", "value": "pcos"}], "responses": []}

    async def __aenter__(self) -> "ActionServer":
        app = web.Application()
        app.router.add_post("/webhook", self._respond)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_) -> None:
        await self._runner.cleanup()

    async def _respond(self, request: web.Request) -> web.Response:
        self.received.append(await request.json())
        self.connections.add(request.transport)
        response = web.json_response(self._answer)
        if self._closes:
            asyncio.get_running_loop().call_later(0.01, request.transport.close)
        return response


async def called(server: ActionServer, times: int, pause: float = 0.0) -> list:
    endpoint = KeptConnection(f"http://127.0.0.1:{server.port}/webhook", enable_selective_domain=True)
    action = LeanAction("action_answer", endpoint)
    said = tracker(UserUttered("first words"), UserUttered(WORDS), SlotSet("topic", "thyroid"))
    events = []
    try:
        for _ in range(times):
            events += await action.run(None, None, said, Domain.empty())
            await asyncio.sleep(pause)
    finally:
        await endpoint.close()
    return events


def test_calls_share_one_connection_and_send_no_earlier_words():
    async def run():
        async with ActionServer() as server:
            events = await called(server, 3)
            return server, events

    server, events = asyncio.run(run())
    assert [(event.key, event.value) for event in events] == [("topic", "pcos")] * 3
    assert len(server.connections) == 1
    sent = server.received[0]["tracker"]
    assert sent["latest_message"]["text"] == WORDS
    assert sent["slots"] == {"topic": "thyroid", "other": None}
    assert "first words" not in str(server.received)


def test_a_connection_that_was_closed_meanwhile_costs_no_answer():
    async def run():
        async with ActionServer(closes=True) as server:
            return len(await called(server, 3, pause=0.05))

    assert asyncio.run(run()) == 3


def test_an_action_server_that_is_down_is_told():
    async def run():
        await KeptConnection(f"http://127.0.0.1:{free_port()}/webhook").request(json={})

    with pytest.raises(ClientConnectionError):
        asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [{"events": []}, {"events": [{"event": "restart"}], "responses": []}, {"events": [], "responses": ["words"]}],
)
def test_an_answer_of_another_form_is_refused(answer):
    async def run():
        async with ActionServer(answer=answer) as server:
            await called(server, 1)

    with pytest.raises(ValidationError):
        asyncio.run(run())


# The pipeline and the start.


@pytest.mark.model
@pytest.mark.parametrize("text", ["can pcos cause miscarriage?", "I am soaking a pad every hour", "?", "hola que tal"])
def test_the_pipeline_gives_what_rasas_own_runner_gives(bot, text):
    agent: LeanAgent = bot.agent
    ours = agent.processor.graph_runner
    dask = DaskGraphRunner.__new__(DaskGraphRunner)
    dask.__dict__.update(ours.__dict__)
    inputs = {"__message__": [UserMessage(text)], "__tracker__": tracker()}
    target = agent.processor.model_metadata.nlu_target
    given = [runner.run(inputs, [target])[target][0].as_dict(only_output_properties=True) for runner in (ours, dask)]
    assert given[0].pop("message_id", None) == given[1].pop("message_id", None)
    assert given[0] == given[1]


def test_a_model_that_is_missing_is_told(tmp_path):
    with pytest.raises(ModelNotFound, match="make train"):
        LeanAgent().load_model(tmp_path / "none.tar.gz")


def python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_rasa_starts_without_tensorflow():
    code = "import bot.server.rasa, sys; print(sys.modules['tensorflow'], 'tensorflow.python' in sys.modules)"
    ran = python(code)
    assert ran.stdout.strip().endswith("False"), ran.stderr


def test_what_needs_tensorflow_is_told_how_to_start():
    ran = python("import bot.server.rasa, tensorflow; tensorflow.constant(1)")
    assert "python -m rasa run" in ran.stderr
