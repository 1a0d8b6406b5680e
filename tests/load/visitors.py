"""What one visitor of the load test does, for Locust: questions of every kind, one after another without a pause.

TURNS, where it is set, is the length of one conversation; else visitors start anew every few turns, as people do.
"""

import itertools
import os

import urllib3
from locust import FastHttpUser, task

urllib3.disable_warnings()
TURNS = int(os.environ.get("TURNS", "6"))
# The kinds as visitors send them, of a real day's proportions as far as we can guess them: mostly questions.
TURNS_OF_A_CHAT = (
    {"text": "what causes recurrent miscarriage?"},
    {"text": "can pcos cause miscarriage?"},
    {"text": "how is it treated?"},
    {"choice": "tests/hormones"},
    {"text": "what is the weather like today"},
    {"text": "I am soaking a pad every hour"},
)


class Visitor(FastHttpUser):
    """One person at one browser."""

    @task
    def chat(self) -> None:
        """One conversation."""
        conversation: str | None = None
        for turn, sent in zip(range(TURNS), itertools.cycle(TURNS_OF_A_CHAT), strict=False):
            body = sent | ({"conversation": conversation} if conversation else {})
            with self.client.post("/api/chat", json=body, name=part(turn), catch_response=True) as response:
                conversation = self._look(response) or conversation

    def _look(self, response) -> str | None:
        if response.status_code != 200:
            response.failure(f"status {response.status_code}")
            return None
        body = response.json()
        if any(reply["kind"] == "unavailable" for reply in body["replies"]):
            response.failure("unavailable")
        return body["conversation"]


def part(turn: int) -> str:
    """Return the twenty turns of a long conversation that a turn is one of; short ones have no parts."""
    if len(TURNS_OF_A_CHAT) >= TURNS:
        return "turn"
    first = turn // 20 * 20 + 1
    return f"turns {first} to {first + 19}"
