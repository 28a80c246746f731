from __future__ import annotations

import hashlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.digests import Digests
from compat.model import digest

NAMES = st.lists(st.integers(0, 400).map(lambda number: hashlib.sha256(str(number).encode()).hexdigest()))


@given(NAMES)
def test_they_are_a_sorted_set_and_have_its_digest(given_names: list[str]) -> None:
    found = Digests()
    new = [found.add(name) for name in given_names]
    assert sum(new) == len(set(given_names))
    assert list(found) == sorted(set(given_names))
    assert len(found) == len(set(given_names))
    assert found.digest() == digest(sorted(set(given_names)))
    other = hashlib.sha256(b"other").hexdigest()
    assert [name in found for name in (*given_names, other)] == [True] * len(given_names) + [False]


def test_what_is_added_again_and_again_takes_no_memory() -> None:
    few = [digest(str(number)) for number in range(5)]
    tracemalloc.start()
    found = Digests()
    for number in range(50_000):
        found.add(few[number % 5])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000  # fifty thousand times 32 bytes are three times as many
    assert len(found) == 5


@pytest.mark.parametrize("name", ["", "ab", "ab" * 33, "xy" * 32, "AB" * 32, "../../etc/passwd"])
def test_what_is_no_digest_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"sha256|hexadecimal"):
        Digests().add(name)
