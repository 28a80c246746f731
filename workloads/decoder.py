"""A decoder language model in torch: reading a prompt, one step with a cache of keys and values, and greedy text.

Four layers of 256 channels: RMSNorm, rotary positions, attention with eight heads of queries and two of keys and
values, SwiGLU, and an output that shares its weight with the embedding. It is small and its weights are drawn, so that
nothing has to be fetched; the operators, their order and their shapes are those of the large ones. The prompt is read
as it is, through torch.compile, through torch.export and through AOTInductor; cold cases are there for what compiling
takes. The reference is the same network in float64, and reads everything anew for each token, without a cache.

Equally good arithmetic gives the same tokens: in float32 the best and the second best logit differ by 1.2e-3 or more
everywhere, and errors are below 2e-5. In bf16 that is not so, and no tokens are compared. Which five tokens are the
best, and the divergence from the reference's distribution, are measured up to what rounding may do to them, so that
both stay as they are until something is wrong.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("numpy", "torch")
KIND = "model"
TIERS = ("cpu", "gpu")
# Seen on a CPU, torch 2.6 to 2.13: 7e-7 to 1e-6 in fp32, ten times less than this. In bf16 1.3e-2 to 1.5e-2, from
# sums of 8 layers' parts that are rounded to 2**-9 each; those cases have 3e-2. Logits are of size 2.
TOLERANCE = 1e-5
METRICS = (
    {"name": "top_5_agreement", "unit": "share", "direction": "higher", "kind": "exact"},
    {"name": "kl_divergence", "unit": "nats", "direction": "lower", "kind": "bounded"},
)

# what: read the prompt, one decode step after it, or text of 32 tokens. length: of the prompt.
CASES = {
    "prefill": {"what": "prefill", "dtype": "fp32", "batch": 2, "length": 97},
    "prefill-bf16": {"what": "prefill", "dtype": "bf16", "batch": 2, "length": 97, "tolerance": 3e-2},
    "prefill-inductor": {"what": "prefill", "dtype": "fp32", "batch": 2, "length": 97, "backend": "inductor"},
    "prefill-inductor-cold": {
        "what": "prefill",
        "dtype": "fp32",
        "batch": 2,
        "length": 97,
        "backend": "inductor",
        "cold": True,
    },
    "prefill-exported": {"what": "prefill", "dtype": "fp32", "batch": 2, "length": 97, "backend": "exported"},
    "prefill-aot-inductor-cold": {
        "what": "prefill",
        "dtype": "fp32",
        "batch": 2,
        "length": 97,
        "backend": "aot_inductor",
        "cold": True,
    },
    "decode": {"what": "decode", "dtype": "fp32", "batch": 3, "length": 96},
    "decode-bf16": {"what": "decode", "dtype": "bf16", "batch": 3, "length": 96, "tolerance": 3e-2},
    "generate": {"what": "generate", "dtype": "fp32", "batch": 3, "length": 17},
}

_VOCABULARY = 1003
_CHANNELS = 256
_HIDDEN = 683
_LAYERS = 4
_HEADS = 8
_GROUPS = 2  # heads of keys and values
_TEXT = 32  # tokens that are generated
# By type: how far apart the logits of two tokens may be that rounding exchanges, which is twice the largest error seen
# or more, and a divergence that is rounding alone (seen: 1.9e-12 and 3.7e-4).
_MARGIN = {"fp32": 1e-4, "bf16": 0.35}
_FLOOR = {"fp32": 1e-9, "bf16": 1e-3}
_PREPARED = {}  # the work of this process's case: observe() would have to compile it again


def _table(length, kind):
    """Cosines and sines by position and channel of half a head, computed in float64."""
    import torch

    half = _CHANNELS // _HEADS // 2
    rates = 10000.0 ** -(torch.arange(half, dtype=torch.float64) / half)
    angles = torch.outer(torch.arange(length, dtype=torch.float64), rates)
    return torch.stack([angles.cos(), angles.sin()]).to(kind)


def _rotated(x, table):
    """Rotate the two halves of each head by its position, in the table's type."""
    import torch

    first, second = x.to(table.dtype).chunk(2, dim=-1)
    cos, sin = table[0], table[1]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(x.dtype)


def _network():
    """The module, with weights of no meaning yet, and its table still to be given."""
    import torch

    nn, functional = torch.nn, torch.nn.functional

    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.empty(_CHANNELS))

        def forward(self, x):
            wide = x.double() if x.dtype == torch.float64 else x.float()
            scaled = wide * torch.rsqrt(wide.square().mean(dim=-1, keepdim=True) + 1e-5)
            return scaled.to(x.dtype) * self.weight

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.size = _CHANNELS // _HEADS
            self.query = nn.Linear(_CHANNELS, _CHANNELS, bias=False)
            self.key = nn.Linear(_CHANNELS, _GROUPS * self.size, bias=False)
            self.value = nn.Linear(_CHANNELS, _GROUPS * self.size, bias=False)
            self.output = nn.Linear(_CHANNELS, _CHANNELS, bias=False)

        def forward(self, x, table, start, cache):
            batch, count, _ = x.shape

            def heads(y):
                return y.view(batch, count, -1, self.size).transpose(1, 2)

            query, key = _rotated(heads(self.query(x)), table), _rotated(heads(self.key(x)), table)
            value = heads(self.value(x))
            if cache is not None:
                cache[0, :, :, start : start + count], cache[1, :, :, start : start + count] = key, value
                key, value = cache[0, :, :, : start + count], cache[1, :, :, : start + count]
            key, value = (each.repeat_interleave(_HEADS // _GROUPS, dim=1) for each in (key, value))
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=count > 1)
            return self.output(mixed.transpose(1, 2).reshape(batch, count, _CHANNELS))

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.before, self.attention, self.between = Norm(), Attention(), Norm()
            self.gate = nn.Linear(_CHANNELS, _HIDDEN, bias=False)
            self.up = nn.Linear(_CHANNELS, _HIDDEN, bias=False)
            self.down = nn.Linear(_HIDDEN, _CHANNELS, bias=False)

        def forward(self, x, table, start, cache):
            x = x + self.attention(self.before(x), table, start, cache)
            y = self.between(x)
            return x + self.down(functional.silu(self.gate(y)) * self.up(y))

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(_VOCABULARY, _CHANNELS)
            self.layers = nn.ModuleList([Layer() for _ in range(_LAYERS)])
            self.norm = Norm()
            self.head = nn.Linear(_CHANNELS, _VOCABULARY, bias=False)
            self.head.weight = self.embedding.weight
            self.register_buffer("table", None, persistent=False)

        def forward(self, tokens, start=0, cache=None):
            # A token's own share of the stream is small, or a network that nobody trained repeats its input.
            x = self.embedding(tokens) / 16
            table = self.table[:, start : start + tokens.shape[1]]
            for number, layer in enumerate(self.layers):
                x = layer(x, table, start, None if cache is None else cache[number])
            return self.head(self.norm(x)) / 8

    return Decoder()


def _draw(params, tools):
    """Draw the weights and the prompts: the network in the case's type, and token ids (batch, length), on the CPU."""
    import torch

    network = _network()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            values = torch.from_numpy(tools.uniform(tuple(weight.shape)))
            if weight.dim() == 1:
                values = 1 + values / 8
            else:  # of variance 1 over the channels that are summed
                values = values * (3.0 / (1 if name == "embedding.weight" else weight.shape[1])) ** 0.5
            weight.copy_(values)
    network.to({"fp32": torch.float32, "bf16": torch.bfloat16}[params["dtype"]])
    network.table = _table(params["length"] + _TEXT, torch.float32)
    return network.eval(), torch.from_numpy(tools.integers(0, _VOCABULARY, (params["batch"], params["length"] + 1)))


def _cache(params, like):
    """Room for the keys and values of each layer: (layer, 2, batch, heads, positions, channels of a head)."""
    import torch

    shape = (_LAYERS, 2, params["batch"], _GROUPS, params["length"] + _TEXT, _CHANNELS // _HEADS)
    return torch.zeros(shape, dtype=like.dtype, device=like.device)


def _prefill(_params, call, tokens, _like):
    """Read the prompts; the logits of each position."""
    return lambda: call(tokens)


def _decode(params, call, tokens, like):
    """One step after the prompt, whose keys and values are there; it writes its own to the same place each time."""
    cache = _cache(params, like)
    call(tokens[:, :-1], 0, cache)
    last = tokens[:, -1:]
    return lambda: call(last, params["length"], cache)


def _generate(params, call, tokens, like):
    """Greedy text after the prompt; the logits by which each token was chosen."""
    import torch

    prompt = tokens[:, :-1]

    def work():
        cache, found = _cache(params, like), []
        logits = call(prompt, 0, cache)[:, -1:]
        for step in range(_TEXT):
            found.append(logits)
            if step < _TEXT - 1:
                logits = call(logits.argmax(dim=-1), params["length"] + step, cache)
        return torch.cat(found, dim=1)

    return work


def _outputs(params, logits):
    """Logits, and the best tokens where rounding cannot change which these are."""
    found = {"logits": logits}
    if params["dtype"] == "fp32":
        found["tokens"] = logits.argmax(dim=-1)
    return found


def prepare(params, tools):
    """Draw and compile the network; for a step, read the prompt."""
    network, tokens = _draw(params, tools)
    tools.loaded(network.state_dict())
    network, tokens = network.to(tools.device), tokens.to(tools.device)
    if params["what"] == "prefill":
        tokens = tokens[:, :-1].contiguous()
    call = tools.through(params.get("backend", "eager"), network, (tokens,))
    made = {"prefill": _prefill, "decode": _decode, "generate": _generate}[params["what"]]
    logits = made(params, call, tokens, network.head.weight)

    def work():
        return _outputs(params, logits())

    _PREPARED["work"] = work
    return work


def reference(params, tools):
    """The network in float64 on the CPU, with the same weights and without a cache."""
    import torch

    network, tokens = _draw(params, tools)
    network.double()
    network.table = _table(network.table.shape[1], torch.float64)
    with torch.no_grad():
        if params["what"] == "decode":
            logits = network(tokens)[:, -1:]
        elif params["what"] == "prefill":
            logits = network(tokens[:, :-1])
        else:
            found, text = [], tokens[:, :-1]
            for _ in range(_TEXT):
                found.append(network(text)[:, -1:])
                text = torch.cat([text, found[-1].argmax(dim=-1)], dim=1)
            logits = torch.cat(found, dim=1)
    return _outputs(params, logits)


def observe(params, tools):
    """How far the distribution of the next token is from the reference's, over all positions."""
    import torch

    found = _PREPARED["work"]()["logits"].detach().double().cpu()
    expected = reference(params, tools)["logits"].double()
    fifth = expected.topk(5, dim=-1).values[..., -1:]
    chosen = expected.gather(-1, found.topk(5, dim=-1).indices)
    agree = (chosen >= fifth - _MARGIN[params["dtype"]]).all(dim=-1)
    p, q = torch.log_softmax(expected, dim=-1), torch.log_softmax(found, dim=-1)
    divergence = float((p.exp() * (p - q)).sum(dim=-1).mean())
    return {
        "top_5_agreement": float(agree.double().mean()),
        "kl_divergence": max(divergence, _FLOOR[params["dtype"]]),
    }
