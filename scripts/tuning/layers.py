"""Give the encoder's file the states of early layers beside the meaning, each in the measure of the meaning.

Tuning taught the last layer to tell our answers and dangers apart, and had it forget what else a message says. The
layers before it still know, and they are computed anyway.
"""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from bot.encoder import DIMENSION, tokenizer

# What normalises the states that are taken, by the name of its weight: the words by themselves, and half way on.
EARLY = ("norm.weight", "3.after_attention.weight")


def with_early_layers(model: onnx.ModelProto, texts: Sequence[str]) -> onnx.ModelProto:
    """Return a model of vectors of shape (1, 384) as one of vectors of shape (1, 1152).

    The early states' means are moved and scaled so that over the texts they have the middle 0 and the mean square 1.
    """
    graph = model.graph
    meaning = graph.output[0].name
    mean = next(node for node in graph.node if node.op_type == "ReduceMean")
    states = [node.output[0] for name in EARLY for node in graph.node if name in node.input]
    means = [f"early.{at}.mean" for at in range(len(EARLY))]
    for name, state in zip(means, states, strict=True):
        node = helper.make_node("ReduceMean", [state], [name])
        node.attribute.extend(mean.attribute)
        graph.node.append(node)
    parts = [
        meaning,
        *(_measured(graph, name, rows) for name, rows in zip(means, _read(model, means, texts), strict=True)),
    ]
    graph.node.append(helper.make_node("Concat", parts, ["wide"], axis=1))
    graph.node.append(helper.make_node("Cast", ["wide"], ["half"], to=TensorProto.FLOAT16))
    graph.node.append(helper.make_node("Cast", ["half"], ["vector"], to=TensorProto.FLOAT))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, DIMENSION]))
    return model


def _measured(graph: onnx.GraphProto, name: str, rows: np.ndarray) -> str:
    centre = rows.mean(axis=0)
    factor = 1 / np.sqrt(((rows - centre) ** 2).sum(axis=1).mean())
    stored = {f"{name}.centre": centre.astype(np.float32), f"{name}.factor": np.float32(factor)}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), key) for key, value in stored.items())
    graph.node.append(helper.make_node("Sub", [name, f"{name}.centre"], [f"{name}.moved"]))
    graph.node.append(helper.make_node("Mul", [f"{name}.moved", f"{name}.factor"], [f"{name}.measured"]))
    return f"{name}.measured"


def _read(model: onnx.ModelProto, names: Sequence[str], texts: Sequence[str]) -> list[np.ndarray]:
    """Return what the model says under each name, one row a text."""
    asked = onnx.ModelProto()
    asked.CopyFrom(model)
    asked.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(asked.SerializeToString(), providers=["CPUExecutionProvider"])
    pieces_of = tokenizer()
    rows = [session.run(list(names), {"pieces": np.array([pieces_of.encode(text).ids])}) for text in texts]
    return [np.concatenate(each) for each in zip(*rows, strict=True)]
