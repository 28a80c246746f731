"""How many requests a second ``compat serve`` answers, and how long each takes, for a client in a process of its own.

The client keeps connections open, as Argo Rollouts and Flagger do, and asks at a fixed rate: an answer's time is from
the moment at which it should have been asked for, so that a server that stalls is not spared by a client that waits
(coordinated omission). Then it asks as fast as it can.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compat.model import Decision
from tests.gate.serve.serving import TOKEN, serving
from tests.gate.stores import MATRIX, upgrade, write_verdict

from .conftest import Record

RATE, SECONDS, CONNECTIONS = 500, 20, 32
RINGS = 20  # matrices, each with two rings and three verdicts

CLIENT = r"""
import asyncio, json, sys, time

host, port, token, rate, seconds, connections, matrix = sys.argv[1:]
rate, seconds, connections = int(rate), float(seconds), int(connections)
body = json.dumps({"name": "a", "namespace": "b", "phase": "Progressing", "metadata": {}}).encode()

def request(number):
    name = f"{matrix}-{number % 20}"
    head = f"host: gate\r\nauthorization: Bearer {token}\r\n"
    if number % 3 == 2:
        return f"POST /flagger/{name}/canary HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body
    return f"GET /v1/{name}/rings/{('canary', 'early')[number % 2]} HTTP/1.1\r\n{head}\r\n".encode()

async def one(reader, writer, number):
    writer.write(request(number))
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    await reader.readexactly(length)
    return head.split(b" ", 2)[1]

async def main():
    streams = asyncio.Queue()
    for _ in range(connections):
        streams.put_nowait(await asyncio.open_connection(host, int(port)))
    times, statuses = [], {}
    begin = time.perf_counter() + 0.1

    async def at(number, when):
        reader, writer = await streams.get()
        try:
            status = (await one(reader, writer, number)).decode()
        finally:
            streams.put_nowait((reader, writer))
        times.append(time.perf_counter() - when)
        statuses[status] = statuses.get(status, 0) + 1

    tasks = []
    if rate:
        for number in range(int(rate * seconds)):
            when = begin + number / rate
            delay = when - time.perf_counter()
            if delay > 0:
                await asyncio.sleep(delay)
            tasks.append(asyncio.create_task(at(number, when)))
        await asyncio.gather(*tasks)
    else:
        async def again(first):
            number = first
            while time.perf_counter() < begin + seconds:
                await at(number, time.perf_counter())
                number += connections
        await asyncio.gather(*(again(first) for first in range(connections)))
    spent = time.perf_counter() - begin
    times.sort()
    print(json.dumps({
        "rps": len(times) / spent, "count": len(times), "statuses": statuses,
        "p50": 1e3 * times[len(times) // 2], "p99": 1e3 * times[int(len(times) * 0.99)], "max": 1e3 * times[-1],
    }))

asyncio.run(main())
"""


def ask(port: int, rate: int, seconds: float) -> dict[str, float]:
    """What a client saw: at a rate, or as fast as it could (0)."""
    words = ["127.0.0.1", str(port), TOKEN, str(rate), str(seconds), str(CONNECTIONS), MATRIX]
    done = subprocess.run([sys.executable, "-c", CLIENT, *words], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def cpu_seconds(process: int) -> float:
    """What a process has used of the processors."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.figures("gate.rps", "gate.p99_ms")
def test_requests_a_second(tmp_path: Path, record: Record, note: Callable[[str], None]) -> None:
    for number in range(RINGS):
        store, plan = upgrade(tmp_path / "store", name=f"{MATRIX}-{number}")
        for ago, decision in ((3.0, Decision.HOLD), (2.0, Decision.NO_GO), (1.0, Decision.GO)):
            write_verdict(store, plan, decision, ago=ago)
    with serving(tmp_path / "store", tmp_path) as found:
        ask(found.port, 100, 2)  # warm
        before = cpu_seconds(found.process.pid)
        steady = ask(found.port, RATE, SECONDS)
        spent = cpu_seconds(found.process.pid) - before
        most = ask(found.port, 0, 10)
        assert found.said() == []
    assert steady["count"] == RATE * SECONDS
    assert steady["statuses"] == {"200": RATE * SECONDS}, "a ring that is GO, or a document"
    assert set(most["statuses"]) == {"200"}  # type: ignore[call-overload]
    record("gate.rps", most["rps"])
    record("gate.p99_ms", steady["p99"])
    note(
        f"compat serve, {CONNECTIONS} connections, one process, the client on the same cores: at {RATE} requests/s for "
        f"{SECONDS} s p50 {steady['p50']:.1f} ms, p99 {steady['p99']:.1f} ms, longest {steady['max']:.1f} ms, "
        f"{1e3 * spent / steady['count']:.2f} ms of CPU a request, load {os.getloadavg()[0]:.1f}; as fast "
        f"as it goes {most['rps']:.0f} requests/s, p50 {most['p50']:.1f} ms, p99 {most['p99']:.1f} ms"
    )
