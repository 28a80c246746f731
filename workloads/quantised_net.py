"""A quantised image classifier in onnxruntime: int8 weights, uint8 activations, against the arithmetic's definition.

It is in QDQ form, as quantisation tools write it: QuantizeLinear and DequantizeLinear around two Conv, a MaxPool, a
MatMul and a Gemm, with a scale for each output channel of the weights. The same file is run in two ways. With graph
optimisations the pairs become integer kernels; without them every node computes in float32. Both are quantised to the
same integers, unless an upgrade changes a rounding, a saturation, a zero point or what is fused.

The weights keep to seven bits: two products of eight bits overflow 16 in x86 instructions before VNNI, and the right
answer would depend on the processor. Where every scale is a power of two nothing is rounded but the activations, half
of a step occurs, and there is one right answer to the bit.
"""

from __future__ import annotations

COMPONENTS = ("onnxruntime",)
IMPORTS = ("numpy", "onnx", "onnxruntime")
KIND = "model"
TIERS = ("cpu",)
ITEMS = "batch"
# Seen: the same bits for onnxruntime 1.17.3, 1.20.1, 1.23.2 and 1.25.1, and up to 1.6e-7 from the oracle. An activation
# that is off by one moves the logits by 7e-4 or more, if at all: what passes is sums of float32 in another order.
TOLERANCE = 1e-6

# scales: "powers" of two, or "any". optimisations: onnxruntime's of the graph, all or none.
CASES = {
    "batch-1": {"batch": 1, "scales": "any", "optimisations": True},
    "batch-1-unoptimised": {"batch": 1, "scales": "any", "optimisations": False},
    "batch-6": {"batch": 6, "scales": "any", "optimisations": True},
    "batch-6-unoptimised": {"batch": 6, "scales": "any", "optimisations": False},
    "powers-batch-5": {"batch": 5, "scales": "powers", "optimisations": True, "tolerance": 0.0},
    "powers-batch-5-unoptimised": {"batch": 5, "scales": "powers", "optimisations": False, "tolerance": 0.0},
}

# Of each layer: the shape of its weight, and the place of its output channels there.
WEIGHTS = {
    "conv1": ((32, 3, 3, 3), 0),
    "conv2": ((64, 32, 3, 3), 0),
    "matmul": ((1024, 64), 1),
    "gemm": ((10, 64), 0),
}
# What goes into each layer: the exponent of its scale, and its zero point. Where Relu was before, that is 0.
ACTIVATIONS = {"conv1": (-7, 128), "conv2": (-6, 0), "matmul": (-3, 0), "gemm": (0, 121)}
STRIDES = {"conv1": 1, "conv2": 2}
SIDE = 16


def draw(params, tools):
    """Draw the images, float32 (batch, 3, 16, 16), and every constant of the network by its name in the graph.

    Scales differ from channel to channel, twofold or threefold, and some values of every layer saturate.
    """
    import numpy as np

    # Chosen, too: with 0.241 nothing lies so near to half of a step (4e-5) that the last bits of a float32 decide.
    uneven = 0.0 if params["scales"] == "powers" else 0.241
    constants = {}
    for layer, (shape, axis) in WEIGHTS.items():
        exponent, zero = ACTIVATIONS[layer]
        scale = np.float32(2.0**exponent * (1.0 + uneven))
        channels = shape[axis]
        exponents = tools.integers(-7, -5, channels)
        scales = (2.0**exponents * (1.0 + uneven * tools.uniform(channels, "float64"))).astype(np.float32)
        constants[f"{layer}.x_scale"] = np.array(scale)
        constants[f"{layer}.x_zero"] = np.array(zero, dtype=np.uint8)
        constants[f"{layer}.weight"] = tools.integers(-63, 64, shape, "int8")
        constants[f"{layer}.weight_scale"] = scales
        constants[f"{layer}.weight_zero"] = np.zeros(channels, dtype=np.int8)
        if layer != "matmul":  # MatMul has no bias
            constants[f"{layer}.bias"] = tools.integers(-4000, 4001, channels, "int32")
            constants[f"{layer}.bias_scale"] = scale * scales
    # Neighbouring places count against each other, or what all images have in common would decide their class.
    constants["matmul.weight"][1::2] = -constants["matmul.weight"][::2]
    return tools.uniform((params["batch"], 3, SIDE, SIDE)) * np.float32(1.25), constants


def model(constants):
    """Build the network with its constants, as bytes. IR 8 and opset 17 are read by every onnxruntime since 1.12."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = []

    def node(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def quantised(value, layer):
        parameters = [f"{layer}.x_scale", f"{layer}.x_zero"]
        integers = node("QuantizeLinear", [value, *parameters], f"{layer}.x_quantised")
        return node("DequantizeLinear", [integers, *parameters], f"{layer}.x")

    def layer(operator, value, name, **attributes):
        inputs = [quantised(value, name)]
        stored = [f"{name}.{part}" for part in ("weight", "weight_scale", "weight_zero")]
        inputs.append(node("DequantizeLinear", stored, f"{name}.weight_real", axis=WEIGHTS[name][1]))
        if f"{name}.bias" in constants:
            stored = [f"{name}.bias", f"{name}.bias_scale"]
            inputs.append(node("DequantizeLinear", stored, f"{name}.bias_real", axis=0))
        return node(operator, inputs, f"{name}.y", **attributes)

    y = "x"
    for name, stride in STRIDES.items():
        y = layer("Conv", y, name, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[stride, stride])
        y = node("Relu", [y], f"{name}.positive")
    # The step of what is pooled is that of what goes into MatMul: a pool of integers, between two pairs.
    constants = {**constants}
    for part in ("x_scale", "x_zero"):
        constants[f"pool.{part}"] = constants[f"matmul.{part}"]
    y = node("MaxPool", [quantised(y, "pool")], "pool.y", kernel_shape=[2, 2], strides=[2, 2])
    y = node("Flatten", [y], "flat", axis=1)
    y = layer("MatMul", y, "matmul")
    y = layer("Gemm", y, "gemm", transB=1)
    node("Identity", [y], "logits")
    node("ArgMax", [y], "class", axis=1, keepdims=0)
    graph = helper.make_graph(
        nodes,
        "quantised_net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10]),
            helper.make_tensor_value_info("class", TensorProto.INT64, ["batch"]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def prepare(params, tools):
    """Load the network with one thread, with the graph's optimisations or without."""
    x, constants = draw(params, tools)
    tools.loaded(constants)
    session = tools.onnx_session(model(constants), optimised=params["optimisations"])

    def work():
        logits, found = session.run(["logits", "class"], {"x": x})
        return {"logits": logits, "class": found}

    return work


def _quantised(real, constants, layer):
    """Real values as integers in float64, less the zero point: rounded half to even, and saturated at 0 and 255."""
    import numpy as np

    zero = float(constants[f"{layer}.x_zero"])
    return np.clip(np.rint(real / float(constants[f"{layer}.x_scale"])) + zero, 0.0, 255.0) - zero


def _windows(x, size, stride):
    """The windows of images (batch, channels, rows, columns): (batch, channels, rows, columns, size, size)."""
    import numpy as np

    return np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]


def reference(params, tools):
    """Compute with the integers themselves, which float64 holds exactly: only scales and logits are rounded."""
    import numpy as np

    x, constants = draw(params, tools)
    constants = {name: value.astype(np.float64) for name, value in constants.items()}

    def real(sums, layer):
        return sums * (constants[f"{layer}.x_scale"] * constants[f"{layer}.weight_scale"])

    y = x.astype(np.float64)
    for name, stride in STRIDES.items():
        windows = _windows(np.pad(_quantised(y, constants, name), ((0, 0), (0, 0), (1, 1), (1, 1))), 3, stride)
        sums = np.einsum("bcijkl,ockl->bijo", windows, constants[f"{name}.weight"]) + constants[f"{name}.bias"]
        y = np.maximum(real(sums, name), 0.0).transpose(0, 3, 1, 2)
    integers = _windows(_quantised(y, constants, "matmul"), 2, 2).max(axis=(-2, -1)).reshape(len(x), -1)
    y = real(integers @ constants["matmul.weight"], "matmul")
    sums = _quantised(y, constants, "gemm") @ constants["gemm.weight"].T + constants["gemm.bias"]
    logits = real(sums, "gemm")
    return {"logits": logits, "class": logits.argmax(axis=1)}
