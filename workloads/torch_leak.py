"""Tensors of many odd sizes that come and go, also through autograd's graphs, exceptions, files and other libraries.

The results are sums of integers and have to be exact; what it is about are the harness's own metrics: memory that a
call leaves behind on the host, the peaks of host and device, and what torch's allocator reserves for sizes that never
fit each other. A reference that is forgotten in an error path, a graph that keeps its inputs, or a cache that rounds
sizes up otherwise are seen there.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("torch",)
KIND = "operator"
TIERS = ("cpu", "gpu")

# count: of tensors in a call. largest: elements of one at most.
CASES = {
    "sizes": {"what": "sizes", "dtype": "i64", "count": 200, "largest": 20000},
    "sizes-large": {"what": "sizes", "dtype": "i64", "count": 40, "largest": 8000000, "tiers": ("gpu",)},
    "graphs": {"what": "graphs", "dtype": "i64", "count": 40, "largest": 20000},
    "graphs-large": {"what": "graphs", "dtype": "i64", "count": 20, "largest": 2000000, "tiers": ("gpu",)},
    "twice-differentiated": {"what": "twice", "dtype": "i64", "count": 20, "largest": 20000},
    "exceptions": {"what": "exceptions", "dtype": "i64", "count": 20, "largest": 5000},
    "saved": {"what": "saved", "dtype": "i64", "count": 10, "largest": 20000},
    "exchanged": {"what": "exchanged", "dtype": "i64", "count": 40, "largest": 20000},
}


def _draw(params, tools):
    """Draw odd sizes, small ones more often than large ones, and a number for each of them: two lists."""
    count = params["count"]
    shares = (tools.uniform(count, "float64") + 1.0) / 2.0
    sizes = [int(share * share * params["largest"] / 2) * 2 + 1 for share in shares]
    return sizes, [int(number) for number in tools.integers(-3, 4, count)]


def prepare(params, tools):
    """Draw the sizes; the work makes tensors of them, one after another, and adds up what they come to."""
    sizes, numbers = _draw(params, tools)
    step = {
        "sizes": _filled,
        "graphs": _graph,
        "twice": _twice,
        "exceptions": _failing(),
        "saved": _saved,
        "exchanged": _exchanged,
    }[params["what"]]

    def work():
        import torch

        total = torch.zeros((), dtype=torch.int64, device=tools.device)
        alive = []
        for size, number in zip(sizes, numbers):
            made = step(size, number, tools.device)
            alive.append(made)
            if len(alive) > 7:  # some live on for a while, so that what is freed lies between others
                total += alive.pop(len(alive) // 2).sum(dtype=torch.int64)
        for made in alive:
            total += made.sum(dtype=torch.int64)
        return {"total": total}

    return work


def reference(params, tools):
    """What they come to, in Python's integers."""
    sizes, numbers = _draw(params, tools)
    of_one = {
        "graphs": lambda number: 4 * max(number, 0),
        "twice": lambda number: 6 * number,
        "exceptions": lambda number: 5 + number,
    }.get(params["what"], lambda number: number)
    return {"total": sum(size * of_one(number) for size, number in zip(sizes, numbers))}


def _filled(size, number, device):
    """A tensor of that size and number, and nothing else."""
    import torch

    return torch.full((size,), number, dtype=torch.int32, device=device)


def _graph(size, number, device):
    """The gradient of relu(2x) * x through views, parts and a concatenation: 4x where x is positive, else 0."""
    import torch

    x = torch.full((size,), float(number), device=device, requires_grad=True)
    y = (x * torch.full_like(x, 2.0)).relu() * x
    torch.cat([part.flip(0) for part in y.view(1, size).t().split(997)]).sum().backward()
    return x.grad


def _twice(size, number, device):
    """The second derivative of x**3."""
    import torch

    x = torch.full((size,), float(number), device=device, requires_grad=True)
    (first,) = torch.autograd.grad((x * x * x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    return second


def _failing():
    """A function that makes five things fail on its way, and counts them."""
    import torch

    class Failing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2.0

        @staticmethod
        def backward(*_):
            raise ValueError("on purpose")

    def fail(size, number, device):
        x = torch.full((size,), float(number), device=device, requires_grad=True)
        more = torch.zeros(size + 1, device=device)
        square = (x * x).sum()
        square.backward(retain_graph=False)
        attempts = (
            lambda: x.view(1, size) @ more.view(size + 1, 1),
            lambda: x.view(size + 1),
            lambda: torch.cat([x.view(1, size), more.view(1, size + 1)]),
            lambda: Failing.apply(x).sum().backward(),
            square.backward,  # a second time, when what it needs is gone
        )
        failed = 0
        for attempt in attempts:
            try:
                attempt()
            except (RuntimeError, ValueError):
                failed += 1
        return torch.full((size,), failed + number, dtype=torch.int32, device=device)

    return fail


def _saved(size, number, device):
    """A tensor that was written into a file in memory, and read from it."""
    import io

    import torch

    file = io.BytesIO()
    torch.save(_filled(size, number, device), file)
    file.seek(0)
    return torch.load(file, map_location=device, weights_only=True)


def _exchanged(size, number, device):
    """A tensor that was numpy's on the way, and went through DLPack."""
    import torch

    array = _filled(size, number, device).cpu().numpy()
    return torch.from_dlpack(torch.from_numpy(array).to(device))
