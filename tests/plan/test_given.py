"""Models by a line in the matrix: a file is a model, run by the content for its form."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from compat.errors import MatrixError
from compat.files import files_digest
from compat.plan import build_plan, load_matrix

from .conftest import MATRIX

if TYPE_CHECKING:
    from pathlib import Path

    from compat.model import Plan

    from .conftest import Write

LINE = "models:\n  mine: {onnx: models/it.onnx, sizes: {batch: 3}, tolerance: 0.001}\n"


def text(line: str = LINE) -> str:
    """The matrix with a line for a model beside the one that it has."""
    assert "model: [tiny]" in MATRIX
    return MATRIX.replace("model: [tiny]", "model: [tiny, mine]").replace("runtimes:\n", f"{line}runtimes:\n", 1)


def plan(path: Path) -> Plan:
    return build_plan(load_matrix(path), content=[path.parent / "site"], compat_version="0")


@pytest.fixture
def site(write: Write) -> None:
    write(
        '"""A model."""\nKIND = "model"\nCOMPONENTS = ("numpy",)\nTIERS = ("cpu",)\n'
        'TOLERANCE = 0.0\nCASES = {"a": {}}\n',
        "site/workloads/tiny.py",
    )
    write("the model", "models/it.onnx")


@pytest.mark.usefixtures("site")
def test_a_line_is_a_model_with_its_file_as_artifact(write: Write) -> None:
    made = plan(write(text()))
    cases = {item.case.id: item.case for item in made.items if item.case.workload == "model:mine"}
    assert sorted(cases) == ["as-given", "not-optimised"]
    assert cases["as-given"].params == {"optimised": True, "sizes": {"batch": 3}, "below": 2}
    artifact = cases["as-given"].artifact
    assert artifact is not None
    assert (artifact.package, artifact.path) == ("", "models/it.onnx")
    assert artifact.sha256 == hashlib.sha256(b"the model").hexdigest()
    assert cases["as-given"].tolerance == 0.001


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "{onnx: models/it.onn}",
            "'models/it.onn' is not a file or a folder beside the matrix; write its path from the matrix's",
        ),
        ("{exported: models}", "'models' is not a file beside the matrix"),
        ("{safetensors: none}", "'none' is not a file or a folder beside the matrix"),
        ("{onnx: /etc/passwd}", "'/etc/passwd' is not below the matrix's folder"),
        ("{onnx: a/../../b}", "'a/../../b' is not below the matrix's folder"),
        ("{onnx: a, exported: b}", "expected one of onnx, safetensors, exported, found onnx and exported"),
        ("{tolerance: 0.1}", "expected one of onnx, safetensors, exported, found none"),
        ("{exported: a, sizes: {b: 1}}", "sizes and below are for onnx; leave them out"),
        (f"{{onnx: models/it.onnx, sha256: '{'0' * 64}'}}", "'models/it.onnx' has the digest"),
        ("{onnx: models/it.onnx, sha256: abc}", "'abc' is not a sha256; write its 64 hex digits"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_its_place(write: Write, line: str, expected: str) -> None:
    path = write(text(f"models:\n  mine: {line}\n"))
    place = path.read_text().split("\n").index(f"  mine: {line}") + 1
    with pytest.raises(MatrixError) as found:
        plan(path)
    assert str(found.value).startswith(f"{path}:{place}: ")
    assert expected in str(found.value)


@pytest.mark.usefixtures("site")
def test_a_model_that_no_cell_has_or_that_there_is_already_is_an_error(write: Write) -> None:
    with pytest.raises(MatrixError, match=r"no cell has the model 'other'; add it to axes\.model"):
        plan(write(text("models:\n  mine: {onnx: models/it.onnx}\n  other: {onnx: models/it.onnx}\n")))
    with pytest.raises(MatrixError, match=r"'tiny' is a model already, of tiny\.py; rename it"):
        plan(write(text("models:\n  tiny: {onnx: models/it.onnx}\n  mine: {onnx: models/it.onnx}\n")))


def test_the_digest_of_a_folder_is_of_its_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "one" / "deep").mkdir(parents=True)
    (tmp_path / "one" / "deep" / "a").write_text("x")
    first = files_digest(tmp_path / "one")
    (tmp_path / "one" / "deep" / "a").rename(tmp_path / "one" / "deep" / "b")
    second = files_digest(tmp_path / "one")
    (tmp_path / "one" / "deep" / "b").write_text("y")
    assert len({first, second, files_digest(tmp_path / "one")}) == 3


@pytest.mark.usefixtures("site")
def test_a_folder_with_links_is_refused(write: Write) -> None:
    path = write(text("models:\n  mine: {safetensors: models}\n"))
    (path.parent / "models" / "link").symlink_to(path.parent)
    with pytest.raises(MatrixError, match="'models' has links in it; put the files themselves there"):
        plan(path)
