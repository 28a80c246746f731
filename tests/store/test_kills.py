"""Two hundred kills of writers, mergers and promoters: the store verifies after each, and a retry completes.

COMPAT_TEST_SEED repeats a choice of moments.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.s3 import S3

ROOT = Path(__file__).parents[2]
SEED = os.environ.get("COMPAT_TEST_SEED") or str(random.SystemRandom().randrange(10**6))
KILLS = 200


def kill(count: int, seed: str = SEED, bucket: str = "") -> dict[str, int]:
    """Kill so many times; what ``tests.store.kills`` has counted. AssertionError where a store was not whole."""
    # In memory, where there is such a folder: a killed process leaves what it gave to the kernel, whatever the disk
    # does, and waiting for a disk takes five times as long as all the rest.
    memory = Path("/dev/shm")
    room = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="compat-kills-", dir=room) as folder:
        words = [sys.executable, "-m", "tests.store.kills", folder, str(count), seed, bucket]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


def test_two_hundred_kills() -> None:
    print(f"COMPAT_TEST_SEED={SEED}")  # noqa: T201
    found = kill(KILLS)
    print(found)  # noqa: T201
    assert sum(found[act] for act in ("write", "merge", "promote")) == KILLS
    assert all(found[f"{act} had begun"] > 10 for act in ("write", "merge", "promote")), "struck before it wrote"


def test_kills_of_clients_of_s3(s3: S3) -> None:
    found = kill(6, bucket=s3.bucket())
    print(f"COMPAT_TEST_SEED={SEED}", found)  # noqa: T201
    assert {act: found[act] for act in ("write", "merge", "promote")} == {"write": 2, "merge": 2, "promote": 2}
