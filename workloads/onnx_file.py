"""ONNX files across versions: written by one runtime's onnx, read by the other's onnxruntime, in both directions.

A newer onnx writes a newer IR version unless it is told otherwise, and an onnxruntime reads up to the one that it
knows: 1.16, 1.18, 1.19 and 1.20 of onnx write 10, 11, 12 and 13, onnxruntime up to 1.22 reads 10, 1.23 reads 11
(ORT#20559). An upgrade that works is then one that cannot be rolled back. The network is two products with a rectifier
between them.
"""

from __future__ import annotations

COMPONENTS = ("onnx", "onnxruntime")
IMPORTS = ("numpy", "onnx", "onnxruntime")
KIND = "loader"
TIERS = ("cpu",)
# Sums of 96 products in float32, in whatever order a version takes: seen, the same bits for 1.17.3 against 1.23.2.
TOLERANCE = 2e-6

# ir: None is what this onnx writes when nobody says which, as does an exporter. external: weights in a file beside.
CASES = {
    "default": {"ir": None, "opset": 17, "external": False},
    "ir-8": {"ir": 8, "opset": 17, "external": False},
    "ir-8-external-weights": {"ir": 8, "opset": 17, "external": True},
}


def _weights(tools):
    return {"first": tools.uniform((96, 160)), "second": tools.uniform((160, 24))}


def save(params, tools):
    """Write the model with onnx's own functions, as an exporter does."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = [numpy_helper.from_array(value, name) for name, value in _weights(tools).items()]
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["inner"]),
        helper.make_node("Relu", ["inner"], ["positive"]),
        helper.make_node("MatMul", ["positive", "second"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 96])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 24])
    graph = helper.make_graph(nodes, "two_products", [x], [y], weights)
    chosen = {} if params["ir"] is None else {"ir_version": params["ir"]}
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", params["opset"])], **chosen)
    path = f"{tools.folder}/model.onnx"
    if params["external"]:
        onnx.save_model(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    else:
        onnx.save_model(model, path)


def prepare(params, tools):  # noqa: ARG001 - every workload has this signature
    """Load the file with one thread."""
    path = f"{tools.folder}/model.onnx"
    session = tools.onnx_session(path)
    _weights(tools)  # what save() drew: the input comes after it
    x = tools.uniform((5, 96))
    return lambda: {"y": session.run(["y"], {"x": x})[0]}


def reference(params, tools):  # noqa: ARG001 - every workload has this signature
    """Compute the same in float64."""
    import numpy as np

    weights = {name: value.astype(np.float64) for name, value in _weights(tools).items()}
    x = tools.uniform((5, 96)).astype(np.float64)
    return {"y": np.maximum(x @ weights["first"], 0.0) @ weights["second"]}
