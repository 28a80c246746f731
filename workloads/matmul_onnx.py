"""Dense layers in onnxruntime, float32: MatMul, Gemm, LayerNormalization and Softmax, against float64 oracles.

One node each, so that a difference names its operator; sizes that are no multiple of a vector or a cache block are
among them, because kernels treat the remainder separately.
"""

from __future__ import annotations

COMPONENTS = ("onnxruntime",)
IMPORTS = ("numpy", "onnx", "onnxruntime")
KIND = "operator"
TIERS = ("cpu",)
# Seen: the same bits for 1.20.1 against 1.23.2 and 1.23.1 against 1.23.2, and 0.6e-7 to 2.1e-7 from the oracle. Two
# correct implementations that sum in other orders differ by up to the sum of their errors; 2e-6 is five times that.
TOLERANCE = 2e-6

# operands: the shapes of the inputs in order, all float32 in [-1, 1).
CASES = {
    "matmul-256x512x384": {"operator": "MatMul", "attributes": {}, "operands": ((256, 512), (512, 384))},
    "matmul-127x1025x255": {"operator": "MatMul", "attributes": {}, "operands": ((127, 1025), (1025, 255))},
    "gemm-129x768x387": {
        "operator": "Gemm",
        "attributes": {"alpha": 0.5, "beta": 2.0, "transB": 1},
        "operands": ((129, 768), (387, 768), (387,)),
    },
    "layer-norm-1023x768": {
        "operator": "LayerNormalization",
        "attributes": {"axis": -1, "epsilon": 1e-5},
        "operands": ((1023, 768), (768,), (768,)),
    },
    "softmax-2047x1025": {"operator": "Softmax", "attributes": {"axis": -1}, "operands": ((2047, 1025),)},
}


def model(params):
    """Build the ONNX model with the one node, as bytes. IR 8 and opset 17 are read by every onnxruntime since 1.12."""
    from onnx import TensorProto, helper

    names = [f"x{place}" for place in range(len(params["operands"]))]
    node = helper.make_node(params["operator"], names, ["y"], **params["attributes"])
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
        for name, shape in zip(names, params["operands"])
    ]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "dense", inputs, [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def prepare(params, tools):
    """Load the model with one thread and draw its inputs."""
    session = tools.onnx_session(model(params))
    feeds = {f"x{place}": tools.uniform(shape) for place, shape in enumerate(params["operands"])}
    return lambda: {"y": session.run(["y"], feeds)[0]}


def reference(params, tools):
    """Compute the same in float64, by the operators' definitions."""
    import numpy as np

    operands = [tools.uniform(shape).astype(np.float64) for shape in params["operands"]]
    operator, attributes = params["operator"], params["attributes"]
    if operator == "MatMul":
        y = operands[0] @ operands[1]
    elif operator == "Gemm":
        y = attributes["alpha"] * operands[0] @ operands[1].T + attributes["beta"] * operands[2]
    elif operator == "LayerNormalization":
        x, scale, bias = operands
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)
        y = centred / np.sqrt(variance + attributes["epsilon"]) * scale + bias
    elif operator == "Softmax":
        raised = np.exp(operands[0] - operands[0].max(axis=-1, keepdims=True))
        y = raised / raised.sum(axis=-1, keepdims=True)
    else:
        raise ValueError(f"no oracle for {operator}")
    return {"y": y}
