"""AveragePool in onnxruntime: windows at the edge, with and without what was padded.

The window at an edge may reach into the padding and, where the size is rounded up (``ceil_mode``), beyond it. Whether
those places count in the divisor is where implementations differ and have changed: with ``ceil_mode`` and
``count_include_pad`` together, onnxruntime 1.21.0 gives other values than 1.20.1. Each case is one choice of the two.
"""

from __future__ import annotations

COMPONENTS = ("onnxruntime",)
IMPORTS = ("numpy", "onnx", "onnxruntime")
KIND = "operator"
TIERS = ("cpu",)
# It is about values at the edges: the input is small, and its time would be that of the call.
TIMED = False

# The same bits in both arms, seen for 1.20.1 against 1.23.2 and 1.23.1 against 1.23.2, where the definition did not
# change; where it did, 0.14. 1e-6 leaves room for another order of at most 27 summands in float32.
TOLERANCE = 1e-6

# shape is (batch, channels, *spatial); kernel, stride and pad hold for every spatial dimension.
CASES = {
    "ceil-include-pad": {"shape": (1, 3, 18, 18), "kernel": 3, "stride": 2, "pad": 1, "ceil": 1, "include_pad": 1},
    "ceil-exclude-pad": {"shape": (1, 3, 18, 18), "kernel": 3, "stride": 2, "pad": 1, "ceil": 1, "include_pad": 0},
    "floor-include-pad": {"shape": (1, 3, 18, 18), "kernel": 3, "stride": 2, "pad": 1, "ceil": 0, "include_pad": 1},
    "floor-exclude-pad": {"shape": (1, 3, 18, 18), "kernel": 3, "stride": 2, "pad": 1, "ceil": 0, "include_pad": 0},
    "ceil-no-pad": {"shape": (2, 5, 15, 17), "kernel": 2, "stride": 2, "pad": 0, "ceil": 1, "include_pad": 0},
    "1d-floor-include-pad": {"shape": (2, 5, 37), "kernel": 5, "stride": 3, "pad": 2, "ceil": 0, "include_pad": 1},
    "3d-floor-exclude-pad": {
        "shape": (1, 2, 7, 9, 11),
        "kernel": 3,
        "stride": 2,
        "pad": 1,
        "ceil": 0,
        "include_pad": 0,
    },
}


def model(params):
    """Build the ONNX model with the one node, as bytes.

    Opset 19 on purpose: it is the revision of AveragePool whose values changed. In opset 17 the same node has the same
    values in both. IR 9 and opset 19 are read by every onnxruntime since 1.15.
    """
    from onnx import TensorProto, helper

    dimensions = len(params["shape"]) - 2
    node = helper.make_node(
        "AveragePool",
        ["x"],
        ["y"],
        kernel_shape=[params["kernel"]] * dimensions,
        strides=[params["stride"]] * dimensions,
        pads=[params["pad"]] * dimensions * 2,
        ceil_mode=params["ceil"],
        count_include_pad=params["include_pad"],
    )
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(params["shape"]))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "average_pool", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9).SerializeToString()


def prepare(params, tools):
    """Load the model with one thread; x is float32 in [-1, 1)."""
    session = tools.onnx_session(model(params))
    x = tools.uniform(params["shape"])
    return lambda: {"y": session.run(["y"], {"x": x})[0]}
