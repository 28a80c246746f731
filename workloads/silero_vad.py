"""Silero's voice activity detector in onnxruntime: a recurrent model, streamed over chunks of 32 ms.

The model (Silero team, MIT) comes in silero-vad's wheel. A step takes float32 samples at 16 kHz, shape (batch, 576):
the last 64 samples of the chunk before and 512 new ones; and its state (2, batch, 128). It returns the probability of
speech, shape (batch, 1), and the next state. An error in a step is carried into all that follow.
"""

from __future__ import annotations

COMPONENTS = ("onnxruntime",)
IMPORTS = ("numpy", "onnxruntime")
KIND = "model"
TIERS = ("cpu",)
ARTIFACT = {
    "package": "silero-vad==6.2.3",
    "path": "silero_vad/data/silero_vad_16k_op15.onnx",
    "sha256": "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
}
ONNX_IR = 8
# Seen: up to 5.1e-7 for onnxruntime 1.20.1 against 1.23.2 (3.1e-6 where all is silent), the same bits for 1.23.1
# against 1.23.2. Errors are carried along the stream, so there is room for forty times that; decisions are made at 0.5.
TOLERANCE = 2e-5

CASES = {
    "batch-1-32-chunks": {"batch": 1, "chunks": 32},
    "batch-4-16-chunks": {"batch": 4, "chunks": 16},
    "batch-7-4-chunks": {"batch": 7, "chunks": 4},
}

METRICS = ({"name": "frame_errors", "unit": "chunks", "direction": "lower", "kind": "exact"},)
# What is decided of each chunk at 0.5, row by row of (batch, chunks): 1 is speech, which a lasting vowel is for a
# while. onnxruntime 1.17.3, 1.20.1, 1.23.2 and 1.25.1 decide alike, and no probability is nearer to 0.5 than 0.0048.
SPEECH = {
    (1, 32): ("11111101000000000000000000000000",),
    (4, 16): ("1111110100000000", "1111111100000000", "1111110100000000", "1111100000000000"),
    (7, 4): ("1111", "1111", "1111", "1111", "1111", "1111", "1111"),
}

# Two-pole resonators at 16 kHz: 700 Hz with a width of 80 Hz and 1200 Hz with 90 Hz, an open "a"; the last is a level.
RESONATORS = ((1.89491, -0.969072, 0.018), (1.750799, -0.965274, 0.013))


def vowel(count):
    """Make a sung vowel as ``count`` samples: a sawtooth at 120 Hz through RESONATORS.

    It uses Python's own arithmetic only, so every runtime makes the same bits.
    """
    total = [0.0] * count
    for first, second, level in RESONATORS:
        before = last = 0.0
        for place in range(count):
            saw = 2.0 * ((120.0 * place / 16000.0) % 1.0) - 1.0
            before, last = last, saw + first * last + second * before
            total[place] += level * last
    return total


def prepare(params, tools):
    """Load the model with one thread; the sound is a vowel, with a little noise of its own in each row."""
    import numpy as np

    session = tools.onnx_session(tools.artifact)
    batch, chunks = params["batch"], params["chunks"]
    noise = tools.uniform((batch, 512 * chunks), "float64")
    sound = (np.array(vowel(512 * chunks)) + 0.01 * noise).astype(np.float32)
    rate = np.array(16000, dtype=np.int64)

    def work():
        state = np.zeros((2, batch, 128), dtype=np.float32)
        context = np.zeros((batch, 64), dtype=np.float32)
        probabilities = []
        for start in range(0, 512 * chunks, 512):
            chunk = np.concatenate([context, sound[:, start : start + 512]], axis=1)
            speech, state = session.run(["output", "stateN"], {"input": chunk, "state": state, "sr": rate})
            context = chunk[:, -64:]
            probabilities.append(speech)
        return {"probabilities": np.concatenate(probabilities, axis=1), "state": state}

    return work


def observe(params, tools):
    """Count the chunks of which something else is decided than SPEECH says: what a listener notices of an error."""
    found = prepare(params, tools)()["probabilities"] > 0.5
    said = SPEECH[params["batch"], params["chunks"]]
    return {
        "frame_errors": sum(int(one == "1") != int(two) for row, of in zip(said, found) for one, two in zip(row, of))
    }
