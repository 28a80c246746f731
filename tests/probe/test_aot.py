"""compat.probe.aot: what is counted, what is refused, and a real upgrade that lost its matrix instructions."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from compat.probe import aot

ROOT = Path(__file__).parents[2]
TARGETS = ("sm_75", "sm_80", "sm_90")

# Runs inside a runtime: compiles every configuration of a kernel file for some targets and prints what was measured.
COMPILE = """
import importlib.util, json, os, sys
from compat.probe import aot
path, targets = sys.argv[1], sys.argv[2].split(",")
spec = importlib.util.spec_from_file_location("content", path)
module = importlib.util.module_from_spec(spec)
sys.modules["content"] = module
spec.loader.exec_module(module)
before = dict(os.environ)
result = {}
for name, params in module.AOT.items():
    for target in targets:
        if target.startswith("sm_") and int(target[3:]) < params.get("since", 0):
            continue
        try:
            found = aot.compile_case(module, {**params, "target": target}, os.environ.get("ASSEMBLER"))
            result[f"{name}-{target}"] = {m.metric: m.samples[0] for m in found.measurements}
            result[f"{name}-{target}"]["took"] = found.took
        except (ValueError, aot.CompilationError) as error:
            result[f"{name}-{target}"] = {"error": f"{type(error).__name__}: {error}"}
with open("/proc/self/maps") as maps:
    result["libcuda"] = "libcuda.so" in maps.read()
result["environment"] = dict(os.environ) == before
print(json.dumps(result))
"""


def compile_in(python: Path, kernel: Path, targets: tuple[str, ...], cache: Path, **environment: str) -> dict[str, Any]:
    """Compile in a runtime; ``cache`` is triton's default cache there, which must stay untouched."""
    done = subprocess.run(
        [str(python), "-c", COMPILE, str(kernel), ",".join(targets)],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(cache), "TMPDIR": str(cache)} | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize(
    ("target", "parsed"),
    [
        ("sm_75", ("cuda", 75, 32)),
        ("sm_120", ("cuda", 120, 32)),
        ("gfx942", ("hip", "gfx942", 64)),
        ("gfx90a", ("hip", "gfx90a", 64)),
        ("gfx1100", ("hip", "gfx1100", 32)),
    ],
)
def test_targets(target: str, parsed: tuple[str, int | str, int]) -> None:
    assert aot.parse_target(target) == parsed


@pytest.mark.parametrize("target", ["75", "sm75", "sm_9", "sm_90a", "gfx", "gfx942:sramecc+", "", "h100"])
def test_an_unknown_target_is_refused_by_name(target: str) -> None:
    with pytest.raises(ValueError, match="neither sm_NN nor gfxNNN") as caught:
        aot.parse_target(target)
    assert repr(target) in str(caught.value)


def module_with(**names: Any) -> ModuleType:
    module = ModuleType("content")
    module.__file__ = "/somewhere/scale.py"
    for name, value in names.items():
        setattr(module, name, value)
    return module


def test_the_kernel_is_named_by_the_file_or_by_KERNEL() -> None:  # noqa: N802 - it is the name
    scale, other = SimpleNamespace(cache_key="1"), SimpleNamespace(cache_key="2")
    assert aot.kernel_of(module_with(scale=scale, other=other)) is scale
    assert aot.kernel_of(module_with(scale=scale, other=other, KERNEL="other")) is other


def test_a_missing_or_interpreted_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="has no function scale"):
        aot.kernel_of(module_with())
    with pytest.raises(ValueError, match="TRITON_INTERPRET"):
        aot.kernel_of(module_with(scale=lambda: None))


def test_importing_aot_imports_no_triton() -> None:
    code = "import sys, compat.probe.aot; print([name for name in ('triton', 'torch', 'numpy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.network
def test_an_upgrade_that_lost_the_matrix_instructions_of_sm_75(runtimes: dict[str, Path], tmp_path: Path) -> None:
    kernel = ROOT / "kernels" / "matmul.py"
    before = compile_in(runtimes["known-good"], kernel, TARGETS, tmp_path)
    after = compile_in(runtimes["candidate"], kernel, TARGETS, tmp_path)
    assert before.pop("libcuda") is after.pop("libcuda") is False
    assert before.pop("environment") is after.pop("environment") is True
    assert before.keys() == after.keys()
    assert after.pop("i8-64x64x64-sm_75")["error"].startswith("CompilationError: RuntimeError: ")
    for case, measured in before.items():
        if case not in after:  # products of int8 do not compile there any more
            assert case == "i8-64x64x64-sm_75"
            assert measured["matrix_instructions"] > 0
            continue
        candidate = after[case]
        assert (measured["scalar_dots"], measured["spills"], measured["atomics"]) == (0, 0, 0), case
        assert measured["matrix_instructions"] > 0, case
        assert 16 <= measured["registers"] <= 255, case
        assert 4 <= measured["occupancy"] <= 64, case
        assert 0 < measured["compile_time"] < 60, case
        assert measured["took"] == {"PTX": "8.4", "cubin": "ELF ABI 7", "assembler": "ptxas 12.4.99"}, case
        assert candidate["took"]["PTX"] == "8.7", case
        if case.endswith("sm_75"):
            assert (candidate["scalar_dots"], candidate["matrix_instructions"]) == (1, 0), case
            assert candidate["spills"] > 0, case
            assert candidate["code_size"] > 2 * measured["code_size"], case
        else:
            assert candidate["scalar_dots"] == 0, case
            assert candidate["matrix_instructions"] > 0, case
            assert candidate["spills"] == 0, case
            assert 0 < candidate["shared_memory"] <= 99 * 1024, case


@pytest.mark.network
@pytest.mark.parametrize("name", ["layer_norm", "rotary", "softmax"])
def test_the_other_kernels_compile_alike_in_both(name: str, runtimes: dict[str, Path], tmp_path: Path) -> None:
    kernel = ROOT / "kernels" / f"{name}.py"
    before = compile_in(runtimes["known-good"], kernel, TARGETS, tmp_path)
    after = compile_in(runtimes["candidate"], kernel, TARGETS, tmp_path)
    assert len(before) > len(TARGETS)
    for measured in (before, after):
        for case in measured.values():
            if isinstance(case, dict):
                assert case["registers"] > 0
    gated = ("scalar_dots", "spills", "atomics")
    for case, measured in before.items():
        if isinstance(measured, dict):
            assert [measured[name] for name in gated] == [after[case][name] for name in gated] == [0, 0, 0], case
            assert after[case]["occupancy"] >= 0.75 * measured["occupancy"], case


@pytest.mark.network
@pytest.mark.parametrize("arm", ["known-good", "candidate"])
def test_nothing_is_left_for_the_next_process_to_skip_compiling(
    arm: str, runtimes: dict[str, Path], tmp_path: Path
) -> None:
    cache = tmp_path / "given"
    kernel = ROOT / "kernels" / "rotary.py"
    compile_in(runtimes[arm], kernel, ("sm_80",), tmp_path, TRITON_CACHE_DIR=str(cache))
    assert not cache.exists()
    assert [path for path in tmp_path.rglob("*") if path.suffix in {".ptx", ".cubin", ".json"}] == []


@pytest.mark.network
def test_refusals_say_what_is_wrong(runtimes: dict[str, Path], tmp_path: Path) -> None:
    kernel = tmp_path / "scale.py"
    text = """
import triton
import triton.language as tl

GOOD = {"signature": {"x": "*fp32", "n": "i32"}, "constexprs": {"BLOCK": 64}}
AOT = {
    "good": GOOD,
    "missing": {"signature": {"x": "*fp32"}, "constexprs": {"BLOCK": 64}},
    "divisible": {**GOOD, "divisible": ("BLOCK",)},
    "odd": {**GOOD, "constexprs": {"BLOCK": 63}},
}

@triton.jit
def scale(x, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(x + at, tl.load(x + at, mask=at < n) * 2, mask=at < n)
"""
    kernel.write_text(text, encoding="utf-8")
    for python in runtimes.values():
        found = compile_in(python, kernel, ("sm_80",), tmp_path)
        assert found["good-sm_80"]["matrix_instructions"] == 0
        assert (
            found["missing-sm_80"]["error"] == "ValueError: signature and constexprs must name each of x, n, BLOCK once"
        )
        assert found["divisible-sm_80"]["error"] == "ValueError: divisible may name only x, n"
        refused = found["odd-sm_80"]["error"]
        assert refused.startswith("CompilationError: CompilationError: ")
        assert refused.endswith("range must be a power of 2")
        assert len(refused) < 600


def test_a_cubin_tool_that_fails_is_a_compilation_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "cuobjdump"
    tool.write_text("#!/bin/sh\necho 'no such architecture' >&2\nexit 3\n", encoding="utf-8")
    tool.chmod(0o755)
    spec = importlib.util.spec_from_loader("triton", loader=None)
    assert spec is not None
    monkeypatch.setitem(sys.modules, "triton", importlib.util.module_from_spec(spec))
    monkeypatch.setenv("TRITON_CUOBJDUMP_PATH", str(tool))
    with pytest.raises(aot.CompilationError, match=r"exit code 3\): no such architecture"):
        aot._cubin_resources(b"\x7fELF", tmp_path)
    tool.write_text(
        "#!/bin/sh\necho ' Function k:'\necho '  REG:12 STACK:40 SHARED:0 LOCAL:8 CONSTANT[0]:380'\n", encoding="utf-8"
    )
    assert aot._cubin_resources(b"\x7fELF", tmp_path) == (12, 48)


@pytest.mark.network
@pytest.mark.parametrize("arm", ["known-good", "candidate"])
def test_the_compiler_is_hashed_once_for_all_cases(arm: str, runtimes: dict[str, Path]) -> None:
    code = (
        "import sys, triton\nfrom compat.probe import aot\naot.hash_compiler()\n"
        "homes = [sys.modules.get(name) for name in ('triton.runtime.cache', 'triton.compiler.compiler')]\n"
        "print(sum(home.triton_key.cache_info().misses for home in homes if hasattr(home, 'triton_key')))\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [str(runtimes[arm]), "-c", code],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1", "False"]
