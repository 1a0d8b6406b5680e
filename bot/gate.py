"""The gate: from probabilities of answers to one decision — answer, ask back, or say that it was not understood.

It takes the way with the least expected cost; the costs and their reasons are in data/gate.yml.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.answers import FALLBACK
from bot.yaml_files import YamlFault, read_yaml

OFFERED = 3
NEVER_OFFERED = ("safety/", "meta/")  # replies that make no sense as one of three titles to pick from

ADVICE = "safety/personal_advice"

# Neither answers: which of the two is said matters less than that nothing wrong is.
REFUSALS = ("meta/not_covered", "meta/out_of_scope")

Ranking = Sequence[tuple[str, float]]


class Costs(BaseModel):
    """What each outcome costs, relative to a wrong answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wrong: float = Field(gt=0)
    refusals_confused: float = Field(ge=0)
    facet_missed: float = Field(ge=0)
    advice_needless: float = Field(ge=0)
    offered: float = Field(ge=0)
    offered_missed: float = Field(ge=0)
    not_understood: float = Field(ge=0)


class GateSettings(BaseModel):
    """The settings of data/gate.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    costs: Costs
    both_sure: float = Field(ge=0, le=1)
    general_sure: float = Field(ge=0, le=1)
    general_from: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Decision:
    """What to say: the record `id`, or with `choices` the question which of them is meant.

    `variant`, `level` and `also_crisis` are those of a safety reply. `instead` says that `id` is only the nearest to
    what was asked; `topic` is the topic asked about where it is not that of the id, `facet` the one that the
    message names; `repeated` says that the same answer was given just before, `leans` that the message goes on from
    that and names no facet. `general` is the answer whose words follow a refusal to advise, `not_now` the one for a
    person who turns out not to be in danger.
    """

    id: str
    confidence: float
    choices: tuple[str, ...] = ()
    variant: str | None = None
    level: str | None = None
    also_crisis: str | None = None
    instead: bool = False
    topic: str | None = None
    facet: str | None = None
    repeated: bool = False
    leans: bool = False
    general: str | None = None
    not_now: str | None = None


def load_gate(path: Path) -> GateSettings:
    """Read data/gate.yml. Raises YamlFault that names each wrong setting."""
    try:
        return GateSettings.model_validate(read_yaml(path, "gate"))
    except ValidationError as error:
        faults = (f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise YamlFault("\n".join(faults)) from None


def decide(ranking: Ranking, costs: Costs) -> Decision:
    """Return the decision with the least expected cost for a ranking of (id, probability), best first."""
    if not ranking:
        return Decision(FALLBACK, 0.0)
    served = cheapest_served(ranking, costs)
    offer = [entry for entry in ranking if not entry[0].startswith(NEVER_OFFERED)][:OFFERED]
    held = sum(value for _, value in offer)
    ways = {
        "answer": cost_of_answering(ranking, costs, served),
        "offer": held * costs.offered + (1 - held) * costs.offered_missed if len(offer) > 1 else float("inf"),
        "ask again": costs.not_understood,
    }
    cheapest = min(ways, key=lambda way: ways[way])
    if cheapest == "answer":
        return Decision(served, dict(ranking)[served])
    choices = tuple(offered for offered, _ in offer) if cheapest == "offer" else ()
    return Decision(FALLBACK, ranking[0][1], choices)


def cheapest_served(ranking: Ranking, costs: Costs) -> str:
    """Return the likeliest id, or the refusal to advise where that costs less: the answer follows it anyway."""
    candidates = [ranking[0][0], *(id for id, _ in ranking if id == ADVICE)]
    return min(candidates, key=lambda id: cost_of_answering(ranking, costs, id))


def cost_of_answering(ranking: Ranking, costs: Costs, served: str) -> float:
    """Return the expected cost of serving an id of a ranking."""
    others = sum(value * _cost_of_missing(id, served, costs) for id, value in ranking if id != served)
    unranked = max(0.0, 1.0 - sum(value for _, value in ranking))
    return others + unranked * costs.wrong


def _cost_of_missing(meant: str, served: str, costs: Costs) -> float:
    if served == ADVICE:
        return costs.advice_needless
    if meant in REFUSALS and served in REFUSALS:
        return costs.refusals_confused
    same_topic = meant.partition("/")[2] == served.partition("/")[2]
    return costs.facet_missed if same_topic else costs.wrong


def as_ranking(entries: Sequence[Mapping[str, Any]]) -> Ranking:
    """Return the ranking in a message's parse data as (id, probability) pairs."""
    return [(entry["id"], entry["confidence"]) for entry in entries]
