"""A small residual network in onnxruntime, float32, with the graph's optimisations and without, against float64.

Convolutions with BatchNormalization and Relu, a residual block with an identity and one with a 1x1 convolution beside
it, MaxPool, GlobalAveragePool and a dense layer: images (batch, 3, 32, 32) in, 10 logits out. With optimisations
onnxruntime folds each normalisation into its convolution, fuses Relu and the sum, and lays channels out in blocks;
without them every node runs by itself. The function is the same, so both are held to one oracle.
"""

from __future__ import annotations

COMPONENTS = ("onnxruntime",)
IMPORTS = ("numpy", "onnx", "onnxruntime")
KIND = "model"
TIERS = ("cpu",)
ITEMS = "batch"
# Seen: up to 2.3e-7 between onnxruntime 1.17.3, 1.20.1, 1.23.2 and 1.25.1 (the same bits with optimisations), and up to
# 3.5e-7 from the oracle. Kernels for other processors sum in other orders: there is room for eight times that.
TOLERANCE = 3e-6

# optimisations: onnxruntime's of the graph, all or none.
CASES = {
    "batch-1": {"batch": 1, "optimisations": True},
    "batch-1-unoptimised": {"batch": 1, "optimisations": False},
    "batch-5": {"batch": 5, "optimisations": True},
    "batch-5-unoptimised": {"batch": 5, "optimisations": False},
}

# Of each convolution: what goes in, what its own output is called, its channels in and out, its size and its stride.
CONVOLUTIONS = (
    ("x", "stem", 3, 24, 3, 1),
    ("pooled", "first_a", 24, 24, 3, 1),
    ("first_a", "first_b", 24, 24, 3, 1),
    ("first", "second_a", 24, 40, 3, 2),
    ("second_a", "second_b", 40, 40, 3, 1),
    ("first", "beside", 24, 40, 1, 2),
)
# Those whose Relu comes after the sum only; and of each sum what it adds.
LINEAR = ("first_b", "second_b", "beside")
SUMS = {"first": ("first_b", "pooled"), "second": ("second_b", "beside")}
EPSILON = 1e-5
SIDE = 32


def draw(params, tools):
    """Draw the images and every parameter by its name in the graph, float32; no layer makes values grow or vanish."""
    import numpy as np

    weights = {}
    for _, name, inward, outward, size, _ in CONVOLUTIONS:
        bound = np.float32((3.0 / (inward * size * size)) ** 0.5)
        weights[f"{name}.weight"] = tools.uniform((outward, inward, size, size)) * bound
        weights[f"{name}.scale"] = np.float32(1.0) + np.float32(0.5) * tools.uniform(outward)
        weights[f"{name}.shift"] = np.float32(0.5) * tools.uniform(outward)
        weights[f"{name}.mean"] = np.float32(0.2) * tools.uniform(outward)
        weights[f"{name}.variance"] = np.float32(0.6) + np.float32(0.5) * tools.uniform(outward)
    weights["dense.weight"] = tools.uniform((10, 40))
    weights["dense.bias"] = tools.uniform(10)
    return tools.uniform((params["batch"], 3, SIDE, SIDE)), weights


def model(weights):
    """Build the network with its parameters, as bytes. IR 8 and opset 17 are read by every onnxruntime since 1.12."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = []

    def node(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))

    def convolve(source, name, size, stride):
        pads = [size // 2] * 4
        inputs = [source, f"{name}.weight"]
        node("Conv", inputs, f"{name}.sum", kernel_shape=[size, size], pads=pads, strides=[stride, stride])
        inputs = [f"{name}.{part}" for part in ("sum", "scale", "shift", "mean", "variance")]
        plain = name in LINEAR
        node("BatchNormalization", inputs, name if plain else f"{name}.normal", epsilon=EPSILON)
        if not plain:
            node("Relu", [f"{name}.normal"], name)

    def add(name):
        node("Add", list(SUMS[name]), f"{name}.sum")
        node("Relu", [f"{name}.sum"], name)

    stem, first_a, first_b, second_a, second_b, beside = ((a, b, d, e) for a, b, _, _, d, e in CONVOLUTIONS)
    convolve(*stem)
    node("MaxPool", ["stem"], "pooled", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    convolve(*first_a)
    convolve(*first_b)
    add("first")
    convolve(*second_a)
    convolve(*second_b)
    convolve(*beside)
    add("second")
    node("GlobalAveragePool", ["second"], "average")
    node("Flatten", ["average"], "features", axis=1)
    node("Gemm", ["features", "dense.weight", "dense.bias"], "logits", transB=1)
    graph = helper.make_graph(
        nodes,
        "convnet_onnx",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def prepare(params, tools):
    """Load the network with one thread, with the graph's optimisations or without."""
    x, weights = draw(params, tools)
    tools.loaded(weights)
    session = tools.onnx_session(model(weights), optimised=params["optimisations"])
    return lambda: {"logits": session.run(["logits"], {"x": x})[0]}


def _windows(x, size, stride, outside):
    """The windows of images (batch, channels, rows, columns), with as many of ``outside`` around as half a window."""
    import numpy as np

    edge = size // 2
    padded = np.pad(x, ((0, 0), (0, 0), (edge, edge), (edge, edge)), constant_values=outside)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))
    return windows[:, :, ::stride, ::stride]


def reference(params, tools):
    """Compute the same in float64, layer after layer, nothing folded into another."""
    import numpy as np

    x, weights = draw(params, tools)
    weights = {name: value.astype(np.float64) for name, value in weights.items()}
    values = {"x": x.astype(np.float64)}
    for source, name, _, _, size, stride in CONVOLUTIONS:
        if source == "pooled":
            values["pooled"] = _windows(values["stem"], 3, 2, -np.inf).max(axis=(-2, -1))
        if source in SUMS and source not in values:
            values[source] = np.maximum(sum(values[part] for part in SUMS[source]), 0.0)
        kernel = weights[f"{name}.weight"]
        y = np.tensordot(_windows(values[source], size, stride, 0.0), kernel, axes=((1, 4, 5), (1, 2, 3)))
        y = (y - weights[f"{name}.mean"]) / np.sqrt(weights[f"{name}.variance"] + EPSILON)
        y = (y * weights[f"{name}.scale"] + weights[f"{name}.shift"]).transpose(0, 3, 1, 2)
        values[name] = y if name in LINEAR else np.maximum(y, 0.0)
    last = np.maximum(sum(values[part] for part in SUMS["second"]), 0.0)
    return {"logits": last.mean(axis=(2, 3)) @ weights["dense.weight"].T + weights["dense.bias"]}
