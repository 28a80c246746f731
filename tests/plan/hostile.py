"""Matrix files that are out to harm whoever reads them, as bytes by name."""

from __future__ import annotations

import random

from .conftest import AXES, MATRIX

__all__ = ["BASE", "LARGE", "WEIRD"]

# Without a model, so that it is planned with the content that we ship.
BASE = MATRIX.replace("  model: [tiny]\n", "").replace('  - {select: "model:*", timeout: 5m}\n', "")

MIB = 1 << 20


def _bomb() -> bytes:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 12):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n"
    return text.encode()


def _with(old: str, new: str, text: str = BASE) -> bytes:
    assert old in text
    return text.replace(old, new, 1).encode()


def _list(values: list[str]) -> str:
    return "[" + ", ".join(values) + "]"


def _numbers(count: int) -> list[str]:
    return [f'"{number}"' for number in range(count)]


# Each of these is refused: not YAML, not text, not of the schema, or too much of it.
WEIRD: dict[str, bytes] = {
    "nothing": b"",
    "nul": b"\0" * 1000,
    "nul-inside": BASE.replace("demo", "de\0mo").encode(),
    "spaces": b" " * (MIB - 1),
    "comments": b"#\n" * (MIB // 2 - 1),
    "ten-megabytes": b"name: " + b"x" * (10 * MIB),
    "ten-megabytes-of-lists": b"[" * (10 * MIB),
    "utf-16": BASE.encode("utf-16"),
    "utf-16-without-mark": BASE.encode("utf-16-le"),
    "utf-32": BASE.encode("utf-32"),
    "latin-1": BASE.replace("demo", "dämo").encode("latin-1"),
    "half-of-utf-8": BASE.replace("demo", "dämo").encode()[:8],
    "bomb": _bomb(),
    "aliases": b"a: &a [x]\nb:\n" + b"- *a\n" * 150_000,
    "itself": b"a: &a {b: *a}\n",
    "itself-as-key": b"&a ? *a\n: *a\n",
    "deep-lists": b"[" * 500_000,
    "deep-blocks": b"- " * 500_000,
    "deep-mappings": b"{a: " * 200_000,
    "deep-keys": b"? " * 300_000,
    "many-values": b"a: [" + b"a," * 400_000 + b"]",
    "many-nothings": b"-\n" * 400_000,
    "many-keys": b"".join(b"k%d: v\n" % n for n in range(80_000)),
    "many-tags": b"".join(b"%%TAG !t%d! tag:x,2000:\n" % n for n in range(30_000)) + b"---\na: b",
    "many-documents": b"---\n" * 200_000,
    "same-key": b"name: a\n" * 100_000,
    "long-key": b"{" + b"a" * 900_000 + b"}",
    "long-key-like-another": b"{" + b"a" * 450_000 + b": 1, " + b"b" * 450_000 + b": 2}",
    "long-name": b"name: " + b"a" * 1_000_000,
    "long-words": _with("name: demo", "name: " + "a " * 400_000),
    "long-tag": b"a: !" + b"x" * 500_000 + b" b",
    "long-anchor": b"a: &" + b"x" * 500_000 + b" b",
    "long-alias": b"a: *" + b"x" * 500_000,
    "long-version": _with("[old, new]", "[old, new, " + "1." * 400_000 + "1]"),
    "long-pin": _with('"numpy==1.26.4"', '"numpy' + "=" * 500_000 + '"'),
    "long-duration": _with("budget: 20m", "budget: " + "9" * 39),
    "long-duration-in-quotes": _with("budget: 20m", f'budget: "{"9" * 900_000}m"'),
    "long-amount": _with("absolute: 16MiB", f'absolute: "{"9" * 500_000}MiB"'),
    "long-ratio": _with("margin: 10%", f'margin: "{"9" * 500_000}%"'),
    "number-decimal": b"name: " + b"9" * 1_000_000,
    "number-hexadecimal": b"name: 0x" + b"f" * 1_000_000,
    "number-binary": b"name: 0b" + b"1" * 1_000_000,
    "number-octal": b"name: 0" + b"7" * 1_000_000,
    "number-sexagesimal": b"name: " + b"1:" * 300_000 + b"1",
    "number-sexagesimal-float": b"name: " + b"1:" * 300_000 + b"1.5",
    "number-float": b"name: 1." + b"0" * 1_000_000,
    "number-of-nodes": _with("budget: 20m", "budget: 20m, minimum_nodes: " + "9" * 41),
    "not-a-number": _with("{margin: 10%}", "{margin: .nan}"),
    "infinite": _with("absolute: 16MiB", "absolute: .inf"),
    "version-as-number": _with("[old, new]", "[1.10, 1.20]"),
    "version-as-date": _with("[old, new]", "[2024-01-02, new]"),
    "version-as-time": _with("[old, new]", "[12:30, new]"),
    "boolean-as-runtime": _with("[old, new]", "[no, yes]"),
    "merge-key": BASE.replace("name: demo", "<<: {name: demo}").encode(),
    "set": _with("[old, new]", "!!set {old, new}"),
    "python": _with("name: demo", 'name: !!python/object/apply:os.system ["exit 3"]'),
    "binary": _with("name: demo", "name: !!binary aGVsbG8="),
    "escape": _with("name: demo", 'name: "\\e[2J\\a"'),
    "escape-as-key": _with("name: demo", '"\\e[2J": demo'),
    "surrogate": _with("name: demo", 'name: "\\ud800"'),
    "line-separators": _with("name: demo", 'name: "a\\Lb\\Pc\\Nd"'),
    "two-documents": BASE.encode() * 2,
    "list": b"- name\n- axes\n",
    "text": b"name",
    "lonely-colon": b": " * 100_000,
}


def _thirty_axes(coverage: str) -> bytes:
    """A product of 100^29 * 2, of which two points are realised."""
    names = [f"x{n}" for n in range(29)]
    values = _list([f'"v{n}"' for n in range(100)])
    axes = "".join(f"  {name}: {values}\n" for name in names)
    brought = [", ".join(f"{name}: v{n}" for name in names) for n in (0, 1)]
    text = AXES.replace('  cuda: ["12.8", "13.0"]\n', axes).replace('cuda: "12.8"', f"values: {{{brought[0]}}}")
    text = text.replace('values: {cuda: "13.0"}', f"values: {{{brought[1]}}}")
    return text.replace("tiers: [cpu]", f"tiers: [cpu], coverage: {coverage}").encode()


def _wide(coverage: str, exclude: str = "", models: int = 0, each: int = 100) -> bytes:
    """A million points: a hundred drivers, a hundred firmwares, a hundred runtimes; or so many ``each``."""
    runtimes = [f"r{n}" for n in range(each)]
    text = f"name: wide\naxes:\n  driver: {_list(_numbers(each))}\n"
    text += f"  firmware: {_list([f'f{n}' for n in range(each)])}\n  runtime: {_list(runtimes)}\n"
    if models:
        text += f"  model: {_list([f'm{n}' for n in range(models)])}\n"
    text += (
        'known_good: {driver: "0", firmware: f0, runtime: r0}\ncandidate: {driver: "1", firmware: f0, runtime: r1}\n'
    )
    text += f"{exclude}runtimes:\n" + "".join(f"  {name}: {{image: x}}\n" for name in runtimes)
    text += f'workloads: [{{select: "operator:*"}}]\nrings:\n  - {{name: a, tiers: [cpu], coverage: {coverage}}}\n'
    return text.encode()


def _entangled(names: int, entries: int) -> bytes:
    """Exclusions that name three axes each, crosswise."""
    rng = random.Random(1)  # noqa: S311 - the same each time
    axes = [f"x{n}" for n in range(names)]
    mixed = ("abc", "aab", "bba", "cba", "ccc", "cab")  # none of which the two stacks have
    text = "".join(f"  {axis}: [a, b, c]\n" for axis in axes)
    exclude = ""
    for _ in range(entries):
        named = zip(rng.sample(axes, 3), rng.choice(mixed), strict=True)
        exclude += "  - {" + ", ".join(f"{axis}: {value}" for axis, value in named) + "}\n"
    brought = [", ".join(f"{axis}: {value}" for axis in axes) for value in "ab"]
    made = AXES.replace('  cuda: ["12.8", "13.0"]\n', text).replace('cuda: "12.8"', f"values: {{{brought[0]}}}")
    made = made.replace('values: {cuda: "13.0"}', f"values: {{{brought[1]}}}")
    include = 'include:\n  - {driver: "580.95.05", x1: c}\n'
    return made.replace("runtimes:\n", f"exclude:\n{exclude}{include}runtimes:\n").encode()


def _entries(key: str, count: int, driver: str = "") -> str:
    rng = random.Random(2)  # noqa: S311 - the same each time
    text = f"{key}:\n"
    for _ in range(count):
        one, two, three = (rng.randrange(2, 100) for _ in range(3))
        text += f'  - {{driver: "{driver}{one}", firmware: f{two}, runtime: r{three}}}\n'
    return text


def _rings(count: int) -> str:
    return "".join(f"  - {{name: r{n}, tiers: [cpu], coverage: {n % 4 + 3}-wise}}\n" for n in range(count))


def _labels(count: int) -> str:
    return "{" + ", ".join(f"k{n}: v" for n in range(count)) + "}"


# Each of these is of the schema, and large: it becomes a plan, or is refused.
LARGE: dict[str, bytes] = {
    "thirty-axes": _thirty_axes("full"),
    "thirty-axes-pairwise": _thirty_axes("pairwise"),
    "thirty-axes-6-wise": _thirty_axes("6-wise"),
    "million-full": _wide("full"),
    "million-changed": _wide("changed"),
    "million-6-wise": _wide("6-wise"),
    "million-models": _wide("changed", models=20_000),
    "many-exclusions": _wide("changed", _entries("exclude", 10_000)),
    "many-exclusions-full": _wide("full", _entries("exclude", 10_000), each=20),
    "many-includes": _wide("changed", _entries("include", 5_000, "9")),
    "many-includes-pairwise": _wide("pairwise", _entries("include", 5_000, "9")),
    "entangled": _entangled(90, 400),
    "much-entangled": _entangled(30, 4000),
    "hundred-axes": _entangled(101, 1),
    "many-values": AXES.replace('"580.95.05"]', '"580.95.05", ' + _list(_numbers(90_000))[1:]).encode(),
    "many-rings": AXES.replace("  - {name: canary, tiers: [cpu]}\n", _rings(5000)).encode(),
    "fifty-rings": AXES.replace("  - {name: canary, tiers: [cpu]}\n", _rings(50)).encode(),
    "fifty-rings-of-many-cells": _wide("full", each=15)
    .replace(b"  - {name: a, tiers: [cpu], coverage: full}\n", _rings(50).encode())
    .replace(b"operator:*", b"operator:numpy_linalg"),
    "many-runtimes": _wide("changed", each=10_000),
    "many-requirements": BASE.replace('"numpy==1.26.4"', ", ".join(f'"n{n}==1"' for n in range(30_000))).encode(),
    "many-labels": AXES.replace("tiers: [cpu]", f"tiers: [cpu], nodes: {{labels: {_labels(40_000)}}}").encode(),
    "many-selections": AXES.replace('  - {select: "operator:*"}\n', '  - {select: "operator:*"}\n' * 20_000).encode(),
    "long-labels": AXES.replace("tiers: [cpu]", f"tiers: [cpu], nodes: {{labels: {{k: {'v' * 900_000}}}}}").encode(),
    "long-pattern": AXES.replace('select: "operator:*"', f'select: "operator:{"*a" * 2000}"').encode(),
    "long-version": AXES.replace("580.95.05", "5" + "80" * 90).encode(),
    "long-pin": BASE.replace("numpy==1.26.4", "numpy==" + "9" * 480).encode(),
    "many-nodes": BASE.replace("budget: 20m", "budget: 20m, minimum_nodes: " + "9" * 40).encode(),
    "many-gpus": BASE.replace("[static, aot, cpu]", "[gpu], gpus: " + "9" * 40).encode(),
    "long-budget": BASE.replace("budget: 20m", 'budget: "' + "9" * 300 + 'd"').encode(),
    "large-amount": BASE.replace("16MiB", '"' + "9" * 300 + 'GiB"').encode(),
}
