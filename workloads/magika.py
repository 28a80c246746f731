"""Magika's file-type classifier in onnxruntime: 2048 bytes of a file in, probabilities of 214 types out.

The model (Google, Apache-2.0) comes in magika's wheel. It takes the first and the last 1024 bytes of a file as
integers, with 256 where the file has none, shape (batch, 2048), and returns float32 probabilities, shape (batch, 214).
"""

from __future__ import annotations

COMPONENTS = ("onnxruntime",)
IMPORTS = ("numpy", "onnxruntime")
KIND = "model"
TIERS = ("cpu",)
ITEMS = "batch"
ARTIFACT = {
    "package": "magika==1.0.3",
    "path": "magika/models/standard_v3_3/model.onnx",
    "sha256": "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
}
ONNX_IR = 8
# Seen: up to 1.0e-6 for onnxruntime 1.20.1 against 1.23.2, the same bits for 1.23.1 against 1.23.2. Twenty times that
# is far below what moves a file to another type.
TOLERANCE = 2e-5

# length: bytes of each file; a short one is padded in both halves.
CASES = {
    "batch-1": {"batch": 1, "length": 4096},
    "batch-3": {"batch": 3, "length": 4096},
    "batch-2-short": {"batch": 2, "length": 100},
}


def prepare(params, tools):
    """Load the model with one thread; the files are printable ASCII."""
    import numpy as np

    session = tools.onnx_session(tools.artifact)
    batch, length = params["batch"], params["length"]
    files = tools.integers(32, 127, (batch, length), "int32")
    features = np.full((batch, 2048), 256, dtype=np.int32)
    kept = min(length, 1024)
    features[:, :kept] = files[:, :kept]
    features[:, 2048 - kept :] = files[:, length - kept :]
    return lambda: {"probabilities": session.run(["target_label"], {"bytes": features})[0]}
