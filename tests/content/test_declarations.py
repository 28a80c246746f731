"""The shipped kernels and workloads: declared completely, as literals, without effects when they are loaded."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from compat.plan.content import KERNEL_NAMES, WORKLOAD_NAMES, read_file

ROOT = Path(__file__).parents[2]
KERNELS = sorted((ROOT / "kernels").glob("*.py"))
GIVEN = sorted((ROOT / "workloads" / "given").glob("*.py"))  # what a model is run by that is a line of a matrix
WORKLOADS = sorted((ROOT / "workloads").glob("*.py")) + GIVEN
CONTENT = KERNELS + WORKLOADS
# A file's own constants, beside the declarations of the contract.
OWN = {
    "convnet": {"_CLASSES", "_IMAGE", "_STAGES"},
    "convnet_onnx": {"CONVOLUTIONS", "EPSILON", "LINEAR", "SIDE", "SUMS"},
    "cuda_ptx": {"_PTX", "_THREADS"},
    "decoder": {
        "_CHANNELS",
        "_FLOOR",
        "_GROUPS",
        "_HEADS",
        "_HIDDEN",
        "_LAYERS",
        "_MARGIN",
        "_PREPARED",
        "_TEXT",
        "_VOCABULARY",
    },
    "minilm": {"LAYERS", "HEADS", "EPSILON", "VOCABULARY", "START", "END", "WORDS"},
    "mixture_of_experts": {"_CHANNELS", "_EXPERTS", "_HIDDEN", "_IDLE"},
    "onnx": {"_TYPES"},
    "quantised_net": {"ACTIVATIONS", "SIDE", "STRIDES", "WEIGHTS"},
    "silero_vad": {"RESONATORS", "SPEECH"},
    "tokenizer_file": {"_TEXT"},
    "torch_architectures": {"_TEGRA"},
    "torch_collectives": {"_RANKS", "_SECONDS"},
    "unet_block": {"_CHANNELS", "_GROUPS", "_HEADS"},
    "vllm_generate": {"_CONFIG"},
    "wordpiece": {"TEXTS"},
}
SUITES = [path for path in WORKLOADS if path.stem.endswith("_suite")]
RUN = [path for path in WORKLOADS if path not in SUITES]
COMPONENTS = {"numpy", "onnx", "onnxruntime", "safetensors", "tokenizers", "torch", "triton", "vllm"}
# What a case exercises and does not import: the driver, and what torch loads by itself.
NOT_IMPORTED = {"driver", "nvidia-nccl-cu12", "nvidia-nccl-cu13"}


def assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """The top-level assignments of a module; each must be of one plain name."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            (target,) = node.targets
            assert isinstance(target, ast.Name)
            assert target.id not in found, f"{target.id} is assigned twice"
            found[target.id] = node.value
    return found


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_is_content() -> None:
    assert {path.stem for path in KERNELS} >= {"layer_norm", "matmul", "rotary", "softmax"}
    assert {path.stem for path in WORKLOADS} >= {"average_pool", "magika", "matmul_onnx", "minilm", "numpy_promotion"}


@pytest.mark.parametrize("path", CONTENT, ids=lambda path: path.stem)
def test_loading_a_file_only_imports_assigns_literals_and_defines(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstring, *rest = tree.body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.FunctionDef) for node in rest)
    for name, value in assigned(tree).items():
        assert ast.literal_eval(value) is not None, name


@pytest.mark.parametrize("path", CONTENT, ids=lambda path: path.stem)
def test_every_constant_is_of_the_contract_or_known_as_the_files_own(path: Path) -> None:
    known = KERNEL_NAMES if path in KERNELS else WORKLOAD_NAMES
    names = set(assigned(ast.parse(path.read_text(encoding="utf-8"))))
    assert names - known == OWN.get(path.stem, set())


@pytest.mark.parametrize("path", CONTENT, ids=lambda path: path.stem)
def test_planning_reads_it(path: Path) -> None:
    workload = read_file(path, kernel=path in KERNELS)
    assert workload.stem == path.stem
    assert workload.cases
    assert (workload.kind == "pytest") == (path in SUITES)
    if path not in SUITES:  # whose own process imports what it needs
        assert set(workload.components) <= COMPONENTS | NOT_IMPORTED
        assert set(workload.components) <= set(workload.imports) | NOT_IMPORTED


@pytest.mark.parametrize("path", CONTENT, ids=lambda path: path.stem)
def test_the_docstring_says_what_it_is_in_its_first_line(path: Path) -> None:
    first, blank, *rest = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()
    assert first.endswith(".")
    assert blank == ""
    assert rest


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_a_kernel_imports_triton_only_and_every_configuration_names_its_arguments(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"triton", "triton.language"}
    for config in ast.literal_eval(assigned(tree)["AOT"]).values():
        kernel = functions(tree)[config.get("kernel", path.stem)]
        assert [ast.unparse(decorator) for decorator in kernel.decorator_list] == ["triton.jit"]
        arguments = {argument.arg: argument.annotation for argument in kernel.args.args}
        constant = {name for name, kind in arguments.items() if kind and ast.unparse(kind) == "tl.constexpr"}
        assert set(config["constexprs"]) == constant
        assert set(config["signature"]) == set(arguments) - constant
        pointers = {name for name, kind in config["signature"].items() if kind.startswith("*")}
        assert pointers <= set(config["divisible"]) <= set(config["signature"])
        blocks = [value for name, value in config["constexprs"].items() if name.startswith("BLOCK")]
        assert all(value & (value - 1) == 0 for value in blocks)


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.stem)
def test_a_workload_imports_nothing_when_it_is_loaded_and_has_its_functions(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == ["from __future__ import annotations"]
    defined = functions(tree)
    assert [argument.arg for argument in defined["prepare"].args.args] == ["params", "tools"]
    if "reference" in defined:
        assert [argument.arg for argument in defined["reference"].args.args] == ["params", "tools"]
    inside = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names} | {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }
    probe = {name for name in inside if name.startswith("compat.probe.")}  # which runs the case
    inside = {name.partition(".")[0] if name.startswith("safetensors.") else name for name in inside}
    if path in GIVEN:
        inside -= {"torch"}  # which the runtime may have
    assert inside - probe <= {*sys.stdlib_module_names, *ast.literal_eval(assigned(tree)["IMPORTS"])}


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.stem)
def test_a_model_has_an_artifact_or_draws_its_weights_and_its_tolerance_has_a_reason(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    workload = read_file(path, kernel=False)
    built = "tools.loaded(" in text  # from a seed: what is loaded is told, and compared
    assert workload.artifact is None or workload.kind == "model"
    assert workload.kind != "model" or workload.artifact is not None or built or path in GIVEN
    lines = text.splitlines()
    places = [number for number, line in enumerate(lines) if re.match(r"TOLERANCE = ", line)]
    assert len(places) == (workload.tolerance is not None)
    assert all(lines[place - 1].startswith("# ") for place in places)
    assert workload.tolerance is None or 0.0 <= workload.tolerance < 1e-2
