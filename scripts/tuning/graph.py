"""Write the encoder as the ONNX file that reads one text: its products of matrices in whole numbers.

On a processor of today a text takes a third of the time that floats need. A matrix has 7 bits, so that two products
fit together into 16 bits on processors that add them so; what it is multiplied with gets its 8 bits anew for each text,
and a text is read by itself, so that its vector is the same whatever texts stand beside it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from bot.encoder import MEANING, tokenizer
from scripts.tuning.layers import with_early_layers
from scripts.tuning.weights import TOGETHER, Parts, Weights

HEADS = 12
EPSILON = 1e-12
LEVELS = 63  # of a 7-bit integer with sign
WORD_LEVELS = 127
LOUD = 2.0  # a column this many times as large as the usual one is made smaller, and its row of the matrix larger
SHOWN = 500  # texts
OURS = "com.microsoft"


class Graph:
    """The graph while it is made. `narrow` has, by product, what its columns are multiplied by, shape (in)."""

    def __init__(self, weights: Weights, narrow: Mapping[str, np.ndarray]) -> None:
        self._narrow = narrow
        self._nodes: list[onnx.NodeProto] = []
        self._stored: list[onnx.TensorProto] = []
        self.products: dict[str, str] = {}  # what each product takes
        states = self._normal("norm", self._embedded(weights), weights.norm)
        for at, layer in enumerate(weights.layers):
            states = self._layer(str(at), states, layer)
        mean = self._node("ReduceMean", states, axes=[1], keepdims=0)
        self._vector = self._node("LpNormalization", mean, axis=-1, p=2)

    def model(self) -> onnx.ModelProto:
        """Return the model: pieces, int64 of shape (1, count), to a vector of length 1, float32 of shape (1, 384)."""
        pieces = helper.make_tensor_value_info("pieces", TensorProto.INT64, [1, "pieces"])
        vector = helper.make_tensor_value_info(self._vector, TensorProto.FLOAT, [1, MEANING])
        graph = helper.make_graph(self._nodes, "encoder", [pieces], [vector], self._stored)
        versions = [helper.make_opsetid("", 17), helper.make_opsetid(OURS, 1)]
        return helper.make_model(graph, opset_imports=versions, ir_version=9)

    def _embedded(self, weights: Weights) -> str:
        integers, scale = as_integers(weights.words, WORD_LEVELS, axis=1)
        rows = self._node("Gather", self._keep("words.integers", integers), "pieces")
        scales = self._node("Gather", self._keep("words.scale", scale), "pieces")
        words = self._node("Mul", self._node("Cast", rows, to=TensorProto.FLOAT), scales)
        count = self._node("Shape", "pieces", start=1, end=2)
        start = self._keep("first", np.array([0]))
        places = self._node("Slice", self._keep("places", weights.places), start, count)
        return self._node("Add", words, places)

    def _layer(self, at: str, states: str, layer: Mapping[str, Parts]) -> str:
        mixed = self._attention(f"{at}.attention", states, together(layer))
        added = self._product(f"{at}.attended", mixed, layer["attended"])
        states = self._normal(f"{at}.after_attention", self._node("Add", states, added), layer["after_attention"])
        wide = self._gelu(f"{at}.widened", states, layer["widened"])
        added = self._product(f"{at}.narrowed", wide, layer["narrowed"])
        return self._normal(f"{at}.after_layer", self._node("Add", states, added), layer["after_layer"])

    def _attention(self, name: str, states: str, parts: Parts) -> str:
        taken, integers, scale = self._factors(name, states, parts[0])
        bias, zero = self._keep(f"{name}.bias", parts[1]), self._keep(f"{name}.zero", np.zeros((), np.int8))
        eight, eight_scale, eight_zero = self._nodes_of("DynamicQuantizeLinear", 3, taken)
        inputs = (eight, integers, bias, eight_scale, scale, "", eight_zero, zero)
        return self._node("QAttention", *inputs, domain=OURS, num_heads=HEADS)

    def _gelu(self, name: str, states: str, parts: Parts) -> str:
        taken, integers, scale = self._factors(name, states, parts[0])
        product = self._node("DynamicQuantizeMatMul", taken, integers, scale, domain=OURS)
        return self._node("BiasGelu", product, self._keep(f"{name}.bias", parts[1]), domain=OURS)

    def _product(self, name: str, states: str, parts: Parts) -> str:
        taken, integers, scale = self._factors(name, states, parts[0])
        bias = self._keep(f"{name}.bias", parts[1])
        return self._node("DynamicQuantizeMatMul", taken, integers, scale, "", bias, domain=OURS)

    def _factors(self, name: str, states: str, matrix: np.ndarray) -> tuple[str, str, str]:
        """Return the states with their loud columns made smaller, the matrix with their rows larger, and its scale."""
        self.products[name] = states
        narrow = self._narrow.get(name, np.ones(len(matrix), np.float32))
        integers, scale = as_integers(matrix / narrow[:, None], LEVELS, axis=0)
        taken = self._node("Mul", states, self._keep(f"{name}.narrow", narrow))
        return taken, self._keep(f"{name}.integers", integers), self._keep(f"{name}.scale", scale[0])

    def _normal(self, name: str, states: str, parts: Parts) -> str:
        weight, bias = (
            self._keep(f"{name}.{part}", each) for part, each in zip(("weight", "bias"), parts, strict=True)
        )
        return self._node("LayerNormalization", states, weight, bias, epsilon=EPSILON)

    def _keep(self, name: str, array: np.ndarray) -> str:
        self._stored.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _node(self, kind: str, *inputs: str, domain: str = "", **settings: Any) -> str:
        return self._nodes_of(kind, 1, *inputs, domain=domain, **settings)[0]

    def _nodes_of(self, kind: str, outputs: int, *inputs: str, domain: str = "", **settings: Any) -> list[str]:
        names = [f"{kind}.{len(self._nodes)}.{at}" for at in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **settings))
        return names


def write(weights: Weights, file: Path, texts: Sequence[str]) -> None:
    """Write the encoder; what is loud in it shows when it reads some of the texts."""
    whole, shown = Graph(weights, {}), texts[:: max(1, len(texts) // SHOWN)]
    largest: dict[str, np.ndarray] = {}
    for taken in taken_by_products(whole, shown):
        for name, states in taken.items():
            largest[name] = np.maximum(largest.get(name, 0), np.abs(states).max(axis=(0, 1)))
    narrow = {name: narrowed(each) for name, each in largest.items()}
    onnx.save(with_early_layers(Graph(weights, narrow).model(), shown), str(file))


def taken_by_products(graph: Graph, texts: Iterable[str]) -> Iterator[dict[str, np.ndarray]]:
    """Yield, for each text, what every product takes, float32 of shape (1, pieces, in), by the product's name."""
    model, names = graph.model(), list(dict.fromkeys(graph.products.values()))
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pieces_of = tokenizer()
    for text in texts:
        outputs = session.run(names, {"pieces": np.array([pieces_of.encode(text).ids])})
        states = dict(zip(names, outputs, strict=True))
        yield {product: states[name] for product, name in graph.products.items()}


def narrowed(largest: np.ndarray) -> np.ndarray:
    """Return what to multiply columns by whose largest values are these, lest few take the bits of all."""
    factors: np.ndarray = np.minimum(1.0, LOUD * np.median(largest) / np.maximum(largest, EPSILON)).astype(np.float32)
    return factors


def as_integers(matrix: np.ndarray, levels: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix as 8-bit integers of so many levels, and the scale, of length 1 along `axis`."""
    scale = np.maximum(np.abs(matrix).max(axis=axis, keepdims=True) / levels, EPSILON).astype(np.float32)
    return np.round(matrix / scale).astype(np.int8), scale


def together(layer: Mapping[str, Parts]) -> Parts:
    """Return the three matrices of attention as one of shape (384, 1152), and their biases."""
    return (
        np.concatenate([layer[name][0] for name in TOGETHER], 1),
        np.concatenate([layer[name][1] for name in TOGETHER]),
    )
