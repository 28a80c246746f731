from __future__ import annotations

import os
import platform
import re
import socket

import pytest

from compat.model import digest
from compat.node import this_node


def test_this_machine_is_read() -> None:
    node = this_node()
    assert re.fullmatch("[0-9a-f]{12}", node.id)
    assert node.hostname == socket.gethostname()
    assert node.kernel == platform.release()
    assert 1 <= node.cores <= (os.cpu_count() or 1)
    assert node.memory_bytes is not None
    assert node.memory_bytes > 2**28
    assert node.cpu is None or node.cpu.strip() == node.cpu != ""
    assert (node.driver is not None) or node.gpus == ()


def test_the_cores_are_those_that_we_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert this_node().cores == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_labels_are_the_operator_s_and_do_not_change_the_id() -> None:
    plain, labelled = this_node(), this_node({"rack": "7"})
    assert (plain.labels, labelled.labels) == ({}, {"rack": "7"})
    assert plain.id == labelled.id == this_node().id
    assert digest(plain) != digest(labelled)


def test_a_pods_node_has_the_name_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod's own name is another one after an upgrade, and its node is the same."""
    here = this_node()
    monkeypatch.setenv("COMPAT_NODE", "gpu-7")
    monkeypatch.setattr(socket, "gethostname", lambda: "compat-canary-0")
    first = this_node()
    monkeypatch.setattr(socket, "gethostname", lambda: "compat-canary-1")
    assert this_node() == first
    assert first.hostname == "gpu-7"
    assert first.id != here.id
