"""Runs the pipeline's components one after another. Rasa has dask plan each run anew, which costs more than they do."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from rasa.engine.graph import GraphNode
from rasa.engine.runner.dask import DaskGraphRunner


class InOrderRunner(DaskGraphRunner):
    """Rasa's runner with a plan that is made once for each target."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._planned = cache(self._plan)

    def run(self, inputs: dict[str, Any] | None = None, targets: Sequence[str] | None = None) -> dict[str, Any]:
        """Return what the targets, all of the graph's unless named, make of the inputs."""
        wanted = tuple(targets or self._graph_schema.target_names)
        results = dict(inputs or {})
        for name, node, needs in self._planned(wanted):
            _, results[name] = node(*((need, results[need]) for need in needs if need in results))
        return {target: results[target] for target in wanted}

    def _plan(self, targets: tuple[str, ...]) -> list[tuple[str, GraphNode, list[str]]]:
        """Return the nodes that the targets need, each after those that it needs itself."""
        nodes = self._graph_schema.minimal_graph_schema(list(targets)).nodes
        order: dict[str, None] = {}

        def visit(name: str) -> None:
            if name in nodes and name not in order:
                for need in nodes[name].needs.values():
                    visit(need)
                order[name] = None

        for name in nodes:
            visit(name)
        return [(name, self._instantiated_nodes[name], list(nodes[name].needs.values())) for name in order]
