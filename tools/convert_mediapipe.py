"""Convert MediaPipe's palm and face detectors from TensorFlow Lite to ONNX.

Run once when the weights change, not by users: the results are committed under src/sharegpt4video/facts/weights.

    pip download --no-deps --only-binary :all: mediapipe==0.10.14 && unzip mediapipe-0.10.14-*.whl
    python tools/convert_mediapipe.py mediapipe/modules src/sharegpt4video/facts/weights

Needs ``onnx``, ``onnxruntime``, ``numpy``, ``tflite`` and ``ai-edge-litert``, which also runs the source to compare.
The same input gives the same bytes. What changes on the way:

- the graph becomes channels-first; weights that the source stores sparsely become dense;
- the input is uint8 RGB, channels last, any number of pictures; the scaling is part of the graph;
- scores and boxes are decoded in ``facts/hands.py``;
- weights stay float16 as in the source; a Cast brings them to float32, which ONNX Runtime folds away when it loads.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tflite
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
SIDE = 192
KINDS = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
ACTIVATIONS = {tflite.ActivationFunctionType.RELU: "Relu"}
CREDIT = "Copyright The MediaPipe Authors, Apache-2.0, https://github.com/google-ai-edge/mediapipe"

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Recipe:
    """A source file, the file it becomes, and how pixels (0..255) are scaled: ``pixel * scale + offset``."""

    source: str
    target: str
    scale: float
    offset: float


RECIPES = (
    Recipe("palm_detection/palm_detection_full.tflite", "palm-192.onnx", 1 / 255, 0.0),
    Recipe("face_detection/face_detection_full_range_sparse.tflite", "blazeface-192.onnx", 1 / 127.5, -1.0),
)


class Converter:
    """Walks a source graph in its order and writes ONNX nodes; ``names`` maps its tensors to values of ours.

    Values with four axes are channels-first here and channels-last there.
    """

    def __init__(self, path: Path, recipe: Recipe) -> None:
        data = path.read_bytes()
        self.model_there = tflite.Model.GetRootAsModel(data, 0)
        self.graph = self.model_there.Subgraphs(0)
        self.recipe = recipe
        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # a delegate keeps what it makes of the weights
        self.reader = Interpreter(
            model_content=data,
            num_threads=1,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=plain,
        )
        self.reader.allocate_tensors()
        self.reader.invoke()  # makes dense and float32 what is stored otherwise
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.names: dict[int, str] = {}

    def model(self) -> onnx.ModelProto:
        """The finished graph. Raises SystemExit for a kind of node that has no rule here."""
        as_float = self._emit("Cast", ["pixels"], to=TensorProto.FLOAT)
        planes = self._emit("Transpose", [as_float], perm=[0, 3, 1, 2])
        scaled = self._emit("Mul", [planes, self._exact(np.float32(self.recipe.scale))])
        self.names[self.graph.Inputs(0)] = self._emit("Add", [scaled, self._exact(np.float32(self.recipe.offset))])
        for position in range(self.graph.OperatorsLength()):
            self._convert(self.graph.Operators(position))
        outputs = []
        for new_name, tensor in zip(("regress", "logit"), self.graph.OutputsAsNumpy(), strict=True):
            self.nodes.append(helper.make_node("Identity", [self.names[tensor]], [new_name]))
            shape = ["n", *self._shape(tensor)[1:]]
            outputs.append(helper.make_tensor_value_info(new_name, TensorProto.FLOAT, shape))
        pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
        graph = helper.make_graph(
            self.nodes, self.recipe.target.removesuffix(".onnx"), [pixels], outputs, self.initializers
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="sharegpt4video"
        )
        model.doc_string = f"{CREDIT}. Converted from mediapipe 0.10.14."
        onnx.checker.check_model(model, full_check=True)
        return model

    def _emit(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def _exact(self, array: Array | np.generic) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name))
        return name

    def _weight(self, array: Array) -> str:
        """A float16 initializer, followed by the Cast that ONNX Runtime folds when it loads."""
        return self._emit("Cast", [self._exact(array.astype(np.float16))], to=TensorProto.FLOAT)

    def _shape(self, tensor: int) -> list[int]:
        return [int(length) for length in self.graph.Tensors(tensor).ShapeAsNumpy()]

    def _constant(self, tensor: int) -> Array:
        found: Array = self.reader.get_tensor(tensor)
        return found

    def _convert(self, operator: Any) -> None:
        code = self.model_there.OperatorCodes(operator.OpcodeIndex())
        kind = KINDS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs, output = [int(number) for number in operator.InputsAsNumpy()], operator.Outputs(0)
        if inputs[0] not in self.names and kind in ("DEQUANTIZE", "DENSIFY"):
            return  # of a weight: the reader has done it
        rules: dict[str, Callable[[Any, list[int], int], str]] = {
            "CONV_2D": self._convolution,
            "DEPTHWISE_CONV_2D": self._depthwise,
            "ADD": self._add,
            "PRELU": self._prelu,
            "PAD": self._pad,
            "MAX_POOL_2D": self._max_pool,
            "RESIZE_BILINEAR": self._resize,
            "DEPTH_TO_SPACE": self._depth_to_space,
            "RESHAPE": self._reshape,
            "CONCATENATION": self._concatenation,
        }
        if kind not in rules:
            raise SystemExit(f"{self.recipe.source}: no rule for {kind}")
        self.names[output] = rules[kind](_options(operator, kind), inputs, output)

    def _convolution(self, options: Any, inputs: list[int], output: int) -> str:
        return self._conv(options, inputs, output, self._constant(inputs[1]).transpose(0, 3, 1, 2), 1)

    def _depthwise(self, options: Any, inputs: list[int], output: int) -> str:
        if options.DepthMultiplier() not in (0, 1):
            raise SystemExit(f"{self.recipe.source}: no rule for a depth multiplier of {options.DepthMultiplier()}")
        weight = self._constant(inputs[1]).transpose(3, 0, 1, 2)
        return self._conv(options, inputs, output, weight, weight.shape[0])

    def _conv(self, options: Any, inputs: list[int], output: int, weight: Array, group: int) -> str:
        if (options.DilationHFactor(), options.DilationWFactor()) != (1, 1):
            raise SystemExit(f"{self.recipe.source}: no rule for dilation")
        kernel, strides = list(weight.shape[2:]), [options.StrideH(), options.StrideW()]
        result = self._emit(
            "Conv",
            [self.names[inputs[0]], self._weight(weight), self._weight(self._constant(inputs[2]))],
            kernel_shape=kernel,
            strides=strides,
            pads=self._pads(options, inputs[0], output, kernel, strides),
            group=group,
        )
        return self._activated(options, result)

    def _pads(self, options: Any, data: int, output: int, kernel: list[int], strides: list[int]) -> list[int]:
        """Padding (top, left, bottom, right). SAME is uneven in TensorFlow: the odd pixel is last."""
        if options.Padding() == tflite.Padding.VALID:
            return [0, 0, 0, 0]
        sizes = zip(self._shape(data)[1:3], self._shape(output)[1:3], kernel, strides, strict=True)
        totals = [max((after - 1) * step + reach - before, 0) for before, after, reach, step in sizes]
        return [total // 2 for total in totals] + [total - total // 2 for total in totals]

    def _activated(self, options: Any, name: str) -> str:
        kind = options.FusedActivationFunction()
        if kind == tflite.ActivationFunctionType.NONE:
            return name
        if kind not in ACTIVATIONS:
            raise SystemExit(f"{self.recipe.source}: no rule for the fused activation {kind}")
        return self._emit(ACTIVATIONS[kind], [name])

    def _add(self, options: Any, inputs: list[int], _output: int) -> str:
        return self._activated(options, self._emit("Add", [self.names[number] for number in inputs]))

    def _prelu(self, _: Any, inputs: list[int], _output: int) -> str:
        slope = self._constant(inputs[1]).reshape(-1, 1, 1)
        return self._emit("PRelu", [self.names[inputs[0]], self._weight(slope)])

    def _pad(self, _: Any, inputs: list[int], _output: int) -> str:
        amounts = self._constant(inputs[1])[[0, 3, 1, 2]].T.ravel().astype(np.int64)
        return self._emit("Pad", [self.names[inputs[0]], self._exact(amounts)])

    def _max_pool(self, options: Any, inputs: list[int], output: int) -> str:
        kernel = [options.FilterHeight(), options.FilterWidth()]
        strides = [options.StrideH(), options.StrideW()]
        pads = self._pads(options, inputs[0], output, kernel, strides)
        pooled = self._emit("MaxPool", [self.names[inputs[0]]], kernel_shape=kernel, strides=strides, pads=pads)
        return self._activated(options, pooled)

    def _resize(self, options: Any, inputs: list[int], output: int) -> str:
        before, after = self._shape(inputs[0]), self._shape(output)
        scales = self._exact(np.array([1, 1, after[1] / before[1], after[2] / before[2]], np.float32))
        mode = "half_pixel" if options.HalfPixelCenters() else "asymmetric"
        mode = "align_corners" if options.AlignCorners() else mode
        return self._emit(
            "Resize", [self.names[inputs[0]], "", scales], mode="linear", coordinate_transformation_mode=mode
        )

    def _depth_to_space(self, options: Any, inputs: list[int], _output: int) -> str:
        return self._emit("DepthToSpace", [self.names[inputs[0]]], blocksize=options.BlockSize(), mode="DCR")

    def _reshape(self, _: Any, inputs: list[int], output: int) -> str:
        last = self._emit("Transpose", [self.names[inputs[0]]], perm=[0, 2, 3, 1])
        return self._emit("Reshape", [last, self._exact(np.array([0, *self._shape(output)[1:]], np.int64))])

    def _concatenation(self, options: Any, inputs: list[int], output: int) -> str:
        if len(self._shape(output)) == 4:
            raise SystemExit(f"{self.recipe.source}: no rule for a concatenation of pictures")
        return self._emit("Concat", [self.names[number] for number in inputs], axis=options.Axis())


def _options(operator: Any, kind: str) -> Any:
    """The operator's options as their own class; None for kinds without."""
    names = {
        "CONV_2D": "Conv2DOptions",
        "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
        "ADD": "AddOptions",
        "MAX_POOL_2D": "Pool2DOptions",
        "RESIZE_BILINEAR": "ResizeBilinearOptions",
        "DEPTH_TO_SPACE": "DepthToSpaceOptions",
        "CONCATENATION": "ConcatenationOptions",
    }
    if kind not in names:
        return None
    table, options = operator.BuiltinOptions(), getattr(tflite, names[kind])()
    options.Init(table.Bytes, table.Pos)
    return options


def differences(source: Path, recipe: Recipe, target: Path) -> list[float]:
    """The largest differences of both outputs between source and target on smooth and on noisy pictures."""
    there, here = Interpreter(model_path=str(source), num_threads=1), onnxruntime.InferenceSession(str(target))
    there.allocate_tensors()
    random, largest = np.random.default_rng(1), [0.0, 0.0]
    for coarse in (3, 12, 48, 192):
        pixels = random.integers(0, 256, (coarse, coarse, 3)).astype(np.uint8)
        pixels = pixels.repeat(SIDE // coarse, 0).repeat(SIDE // coarse, 1)[None]
        values = pixels.astype(np.float32) * np.float32(recipe.scale) + np.float32(recipe.offset)
        there.set_tensor(there.get_input_details()[0]["index"], values)
        there.invoke()
        ours = here.run(["regress", "logit"], {"pixels": pixels})
        for number, (detail, found) in enumerate(zip(there.get_output_details(), ours, strict=True)):
            wanted = there.get_tensor(detail["index"])
            largest[number] = max(largest[number], float(np.abs(wanted - found).max()))
    return largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", type=Path, help="the folder mediapipe/modules of the unpacked wheel")
    parser.add_argument("target", type=Path, help="where the ONNX files go")
    arguments = parser.parse_args()
    for recipe in RECIPES:
        source, target = arguments.modules / recipe.source, arguments.target / recipe.target
        data = Converter(source, recipe).model().SerializeToString(deterministic=True)
        target.write_bytes(data)
        regress, logit = differences(source, recipe, target)
        print(f"{target} {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
        print(f"  largest difference from the source: {regress:.2g} pixels, {logit:.2g} in the logits")


if __name__ == "__main__":
    main()
