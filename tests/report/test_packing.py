from __future__ import annotations

import base64
import random
import zlib

from compat.report.packing import SEPARATOR, pack


def _noise(length: int) -> str:
    stream = random.Random(length)  # noqa: S311 - text that does not get smaller
    return "".join(chr(stream.randrange(33, 127)) for _ in range(length))


def test_what_is_packed_is_found_again_by_the_number_of_its_case() -> None:
    pages = [f"<p>case {number} &amp; é</p>" for number in range(250)]
    packs = pack(pages, first=7, room=1_000_000)
    assert [(one.first, one.count) for one in packs] == [(7, 100), (107, 100), (207, 50)]
    found = [
        page for one in packs for page in zlib.decompress(base64.b64decode(one.data), -15).decode().split(SEPARATOR)
    ]
    assert found == pages


def test_no_more_is_packed_than_there_is_room_for_and_no_more_is_made() -> None:
    made = []

    def pages() -> object:
        for number in range(1_000):
            made.append(number)
            yield _noise(100 + number)

    packs = pack(pages(), first=0, room=60_000)
    assert sum(len(one.data) for one in packs) <= 60_000
    assert 0 < sum(one.count for one in packs) < len(made) < 500


def test_where_there_is_no_room_nothing_is_packed() -> None:
    assert pack(["page"], first=0, room=0) == []
    assert pack([], first=0, room=1_000) == []
