from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from compat.errors import ContentError
from compat.model import Output, Tier, digest
from compat.plan.cases import cases_of
from compat.plan.content import read_file

from .conftest import OPERATOR, Write

Y = np.arange(6, dtype="f4").reshape(2, 3)
TENSORS = {"small/y/0": Y, "small/a/b/1": np.array(3), "small/text/0": np.frombuffer(b"words", np.uint8)}


def golden(write: Write, data: bytes, sha256: str | None = None) -> Path:
    """The operator with a golden file of these bytes."""
    path = write(f'{OPERATOR}GOLDEN = {{"path": "golden/w.st", "sha256": "{sha256 or digest(data)}"}}\n', "w.py")
    (path.parent / "golden").mkdir()
    (path.parent / "golden" / "w.st").write_bytes(data)
    return path


def test_a_case_carries_the_digests_of_its_golden_outputs(write: Write) -> None:
    workload = read_file(golden(write, save(TENSORS)), kernel=False)
    small, large = cases_of(workload, {Tier.CPU})
    assert small.golden == (
        Output("a/b", "<i8", (), digest(np.array(3).tobytes()), 1),
        Output("text", "|u1", (5,), digest("words")),
        Output("y", "<f4", (2, 3), digest(Y.tobytes())),
    )
    assert large.golden == ()  # a file is declared, and it has nothing of this case


def test_without_a_declaration_there_is_none(write: Write) -> None:
    assert [case.golden for case in cases_of(read_file(write(OPERATOR, "w.py"), kernel=False), {Tier.CPU})] == [
        None
    ] * 2


def refusal(path: Path) -> str:
    with pytest.raises(ContentError) as caught:
        read_file(path, kernel=False)
    return str(caught.value).replace(str(path.parent), "DIR")


def test_another_file_is_refused(write: Write) -> None:
    data = save(TENSORS)
    assert refusal(golden(write, data, sha256="0" * 64)) == (
        f"DIR/w.py:8: the golden file DIR/golden/w.st has the sha256 {digest(data)}; declare that, or restore the file"
    )


def test_a_file_that_is_gone_is_refused(write: Write) -> None:
    path = golden(write, b"")
    (path.parent / "golden" / "w.st").unlink()
    assert refusal(path) == (
        "DIR/w.py:8: the golden file DIR/golden/w.st cannot be read: No such file or directory; "
        "write it with compat golden, or remove GOLDEN"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"not tensors", "DIR/w.py:8: DIR/golden/w.st is no safetensors file: "),
        (save({"small/y": Y}), "DIR/w.py:8: the golden file DIR/golden/w.st has 'small/y'; name its tensors "),
        (save({"small/y/first": Y}), "DIR/w.py:8: the golden file DIR/golden/w.st has 'small/y/first'; name its "),
        (save({"small/y/-1": Y}), "DIR/w.py:8: the golden file DIR/golden/w.st has 'small/y/-1'; name its tensors "),
    ],
    ids=["garbage", "no seed", "a word for a seed", "a negative seed"],
)
def test_a_file_of_another_shape_is_refused(write: Write, data: bytes, said: str) -> None:
    assert refusal(golden(write, data)).startswith(said)
