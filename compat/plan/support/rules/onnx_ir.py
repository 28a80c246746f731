"""ONNX files and the onnxruntime that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from compat.plan.support.subject import Opinion, Subject, worst

if TYPE_CHECKING:
    from compat.plan.support.tables import Tables

__all__ = ["onnx_ir"]


def onnx_ir(subject: Subject, tables: Tables) -> Opinion | None:
    """The pinned onnxruntime has to read the IR versions that the cell's artifacts declare.

    What a release reads, every later one reads: a release between two rows is bounded by both.
    """
    version = subject.pins.versions.get("onnxruntime")
    if version is None or not subject.onnx:
        return None
    rows = [row for row in tables.onnxruntime if not row.unconfirmed]
    below = [row for row in rows if Version(row.onnxruntime) <= version]
    above = [row for row in rows if Version(row.onnxruntime) >= version]
    opinions = []
    for workload, ir in sorted(subject.onnx.items()):
        reads = max(below, key=lambda row: row.ir, default=None)
        limit = min(above, key=lambda row: row.ir, default=None)
        what = f"{workload} is ONNX IR {ir}"
        if reads is not None and ir <= reads.ir:
            reason = f"{what}, and onnxruntime {version} reads up to {reads.ir} at least"
            opinions.append(Opinion("ok", reason, (reads,)))
        elif limit is not None and ir > limit.ir:
            reason = f"{what}, and onnxruntime {version} reads up to {limit.ir} at most"
            opinions.append(Opinion("fail", reason, (limit,)))
        else:
            known = tuple(row for row in (reads, limit) if row is not None)
            opinions.append(Opinion("unknown", f"{what}; what onnxruntime {version} reads is not in the table", known))
    return worst(opinions)
