"""What drops out of the product, counted: against a walk through it, and where it is too much to be walked."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from compat.plan import load_matrix
from compat.plan.expand import excluded_by, product

from .conftest import AXES
from .hostile import LARGE

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Write

EXCLUDE = """\
exclude:
  - {cuda: "13.0", runtime: old}
  - {driver: "580.95.05", cuda: "12.8"}
  - {runtime: old}
  - {driver: "1"}
include:
  - {driver: "570.172.08", runtime: old}
runtimes:
"""


def test_every_point_of_the_product_is_a_point_or_is_said_to_be_left_out(write: Write) -> None:
    text = AXES.replace("runtimes:\n", EXCLUDE).replace('"580.95.05"]', '"580.95.05", "590.1"]')
    matrix = load_matrix(write(text))
    spec, points = matrix.spec, matrix.points
    removed: Counter[str] = Counter()
    for point in product(spec.axes):
        index = excluded_by(point, spec.exclude)
        if index is not None:
            removed[f"exclude[{index}]"] += 1
        elif spec.runtimes[point["runtime"]].realised()["cuda"] != point["cuda"]:
            removed[f"runtime={point['runtime']}, cuda={point['cuda']}"] += 1
    said = {one.what.partition(": ")[0]: int(one.reason.split()[0]) for one in points.rejections}
    assert said == removed == {"exclude[0]": 3, "exclude[1]": 2, "exclude[2]": 2, "runtime=new, cuda=12.8": 2}
    count = points.space.count
    assert count is not None
    assert (count, len(list(points.space.walk()))) == (4, 4)  # one of them by include
    assert sum(removed.values()) + count - 1 == math.prod(len(values) for values in spec.axes.values())


def test_what_an_include_has_that_its_runtime_lacks_drops_out_too(write: Write) -> None:
    text = AXES.replace("runtimes:\n", 'include: [{driver: "590.1", cuda: "12.8", runtime: new}]\nruntimes:\n')
    points = load_matrix(write(text)).points
    reasons = {one.what: one.reason for one in points.rejections}
    assert reasons["runtime=new, cuda=12.8"] == "3 points drop out: the runtime new has cuda 13.0"
    assert points.space.count == 4


def test_of_an_astronomic_product_the_rest_is_one_number(tmp_path: Path) -> None:
    path = tmp_path / "matrix.yaml"
    path.write_bytes(LARGE["thirty-axes"])
    points = load_matrix(path).points
    assert points.space.count == 4  # two drivers, two runtimes
    (rejection,) = points.rejections
    assert rejection.reason == "about 10^58 points drop out: no runtime has them"
    assert rejection.what.startswith("other values of x0, x1, x2")


def test_exclusions_that_are_too_entangled_are_not_counted_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "matrix.yaml"
    path.write_bytes(LARGE["much-entangled"])
    points = load_matrix(path).points
    assert [one.reason for one in points.rejections] == [
        "how many points they remove is not counted: they are too entangled",
        "how many points drop out is not counted: no runtime has them",
    ]
    assert points.space.count is not None
    assert len(list(points.space.walk())) == points.space.count
