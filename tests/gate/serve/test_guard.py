"""Who may not ask, and who asks too much: the same answer to all of the first, and no harm from the second."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from compat.gate.serve.app import make_app
from compat.gate.serve.guard import Guard
from compat.model import Decision
from tests.gate.serve.serving import TOKEN, Serving, serving
from tests.gate.serve.test_serve import PAYLOAD
from tests.gate.stores import MATRIX, upgrade, write_verdict

RING = f"/v1/{MATRIX}/rings/canary"
_QUIET = {"www-authenticate", "content-length", "cache-control", "date"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("guarded")
    store, plan = upgrade(folder / "store")
    write_verdict(store, plan, Decision.GO)
    with serving(folder / "store", folder) as found:
        yield found
        assert found.said() == []  # whatever was asked of it


def basic(word: str) -> str:
    return f"Basic {base64.b64encode(word.encode()).decode()}"


WRONG = {
    "none": [],
    "empty": [("authorization", "")],
    "no word": [("authorization", "Bearer")],
    "another": [("authorization", f"Bearer {TOKEN[:-1]}x")],
    "a prefix": [("authorization", f"Bearer {TOKEN[:-1]}")],
    "more": [("authorization", f"Bearer {TOKEN}0")],
    "no scheme": [("authorization", TOKEN)],
    "another scheme": [("authorization", f"Token {TOKEN}")],
    "basic with another": [("authorization", basic("compat:another-token-of-32-characters"))],
    "basic with the user alone": [("authorization", basic(TOKEN))],
    "basic that is no base64": [("authorization", f"Basic {TOKEN}!")],
    "twice": [("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}")],
    "in another header": [("x-authorization", f"Bearer {TOKEN}"), ("cookie", f"token={TOKEN}")],
    "huge": [("authorization", "Bearer " + "a" * 8_000)],
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", RING),
        ("GET", "/v1/nope/rings/nope"),
        ("GET", "/metrics"),
        ("GET", "/nowhere"),
        ("GET", f"{RING}?token={TOKEN}"),
        ("POST", f"/flagger/{MATRIX}/canary"),
        ("POST", f"/flagger-rollback/{MATRIX}/canary"),
        ("DELETE", RING),
        ("OPTIONS", "*"),
    ],
)
def test_without_the_token_every_answer_is_the_same(
    served: Serving, headers: list[tuple[str, str]], method: str, path: str
) -> None:
    found = httpx.request(method, f"{served.url}/{path.lstrip('/')}", headers=headers)
    assert (found.status_code, found.content) == (401, b"")
    assert found.headers["www-authenticate"] == "Bearer"
    assert set(found.headers) <= _QUIET  # no server's name, nothing of why


def test_the_token_is_a_bearer_or_the_password_of_an_url(served: Serving) -> None:
    for header in (f"Bearer {TOKEN}", f"bearer  {TOKEN}", basic(f"compat:{TOKEN}"), basic(f":{TOKEN}")):
        assert httpx.get(f"{served.url}{RING}", headers={"authorization": header}).status_code == 200
    address = served.url.replace("http://", f"http://compat:{TOKEN}@")
    assert httpx.post(f"{address}/flagger/{MATRIX}/canary", json=PAYLOAD).status_code == 200


def test_each_of_several_tokens_is_taken(tmp_path: Path) -> None:
    upgrade(tmp_path / "store")
    (tmp_path / "tokens").write_text(f"{'o' * 32}\n{'n' * 32}\n")
    with serving(tmp_path / "store", tmp_path, "--token-file", str(tmp_path / "tokens"), token="x" * 32) as found:
        for word, status in (("o" * 32, 200), ("n" * 32, 200), ("x" * 32, 401), (f"{'o' * 32}\n{'n' * 32}", None)):
            if status is not None:
                header = {"authorization": f"Bearer {word}"}
                assert httpx.get(f"{found.url}{RING}", headers=header).status_code == status


def test_without_a_token_everybody_on_this_machine_may_ask(tmp_path: Path) -> None:
    upgrade(tmp_path / "store")
    with serving(tmp_path / "store", tmp_path, token=None) as found:
        assert found.url.startswith("http://127.0.0.1:")
        assert found.client.get(RING).status_code == 200


def raw(served: Serving, data: bytes, patience: float = 20.0) -> bytes:
    """What comes back for bytes, until the server closes."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=patience) as one:
        with contextlib.suppress(OSError):  # it may have closed already
            one.sendall(data)
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := one.recv(65_536):
                found += piece
        return found


HEAD = f"POST /flagger/{MATRIX}/canary HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\n".encode()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),  # without a host
        (HEAD + b"content-length: -1\r\n\r\n", b"400"),
        (HEAD + b"content-length: 1e3\r\n\r\n", b"400"),
        (HEAD + b"content-length: 70000\r\n\r\n", b"413"),
        (HEAD + b"content-length: 99999999999999999999\r\n\r\n", b"413"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"8000\r\n" + b"a" * 0x8000 + b"\r\n", b"408"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n" + (b"8000\r\n" + b"a" * 0x8000 + b"\r\n") * 3, b"413"),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 300_000, b"400"),
        (b"GET /" + b"a" * 300_000, b"400"),
        (HEAD + b"content-length: 0\r\nx: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (HEAD + b"content-length: 0\r\n" + b"x: a\r\n" * 3_000 + b"\r\n", b"431"),
    ],
)
def test_what_is_too_large_or_no_request_is_refused_with_nothing_said(
    served: Serving, data: bytes, status: bytes
) -> None:
    found = raw(served, data)
    assert found == b"" or found.split(b" ")[1] == status  # a reset may come before the answer
    head, _, body = found.partition(b"\r\n\r\n")
    assert body == b""
    assert b"uvicorn" not in head.lower()
    assert served.client.get(RING).status_code == 200


def test_huge_bodies_are_not_kept(served: Serving) -> None:
    before = resident(served)
    for _ in range(20):
        with contextlib.suppress(httpx.TransportError):
            found = served.client.post(f"/flagger/{MATRIX}/canary", content=b"a" * (8 << 20))
            assert found.status_code == 413
    assert resident(served) - before < 64 << 20


def resident(served: Serving) -> int:
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) << 10


def test_slow_clients_are_ended_and_others_are_answered(served: Serving) -> None:
    """Connections that say nothing, a head by the byte, and a body that never comes."""
    ended: list[bytes] = []

    def drip(data: bytes) -> None:
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as one:
            until = time.monotonic() + 50
            with contextlib.suppress(OSError):
                for byte in data * 1_000:
                    if time.monotonic() > until:
                        return
                    one.sendall(bytes([byte]))
                    time.sleep(0.2)
            ended.append(data)

    def wait(data: bytes) -> None:
        raw(served, data, patience=50)
        ended.append(data)

    slow = [
        threading.Thread(target=drip, args=(b"GET /",)),
        threading.Thread(target=wait, args=(b"",)),
        threading.Thread(target=wait, args=(b"GET / HTTP/1.1\r\nhost: ",)),
        threading.Thread(target=wait, args=(HEAD + b"content-length: 100\r\n\r\n{",)),
        threading.Thread(
            target=wait, args=(b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{",)
        ),  # no token
    ]
    for thread in slow:
        thread.start()
    while any(thread.is_alive() for thread in slow):
        assert served.client.get(RING).status_code == 200
        time.sleep(0.2)
    assert len(ended) == len(slow)


def test_a_client_that_takes_no_answers_is_ended(served: Serving) -> None:
    request = f"GET /metrics HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as one:
        ended = False
        for _ in range(1_000):
            try:
                one.sendall(request * 100)
            except (ConnectionResetError, BrokenPipeError):
                ended = True
                break
    assert ended
    assert served.client.get(RING).status_code == 200


def test_many_connections_are_bounded_and_those_that_are_in_go_on(served: Serving) -> None:
    assert served.client.get(RING).status_code == 200  # a connection that stays
    many: list[socket.socket] = []
    try:
        for _ in range(400):
            with contextlib.suppress(OSError):
                many.append(socket.create_connection(("127.0.0.1", served.port), timeout=10))
        time.sleep(1)
        files = len(list(Path(f"/proc/{served.process.pid}/fd").iterdir()))
        assert files < 300
        assert served.client.get(RING).status_code == 200
    finally:
        for one in many:
            one.close()
    until = time.monotonic() + 30
    while True:  # and once they are gone, others come in
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{served.url}/healthz").status_code == 200:
                break
        assert time.monotonic() < until
        time.sleep(0.1)


class Broken:
    """Answers with a defect."""

    fresh = True

    def find(self, *_words: object) -> None:
        raise RuntimeError("a secret of the store")

    def all(self) -> list[object]:
        raise RuntimeError("a secret of the store")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", RING), ("GET", "/metrics"), ("POST", f"/flagger/{MATRIX}/canary")]
)
def test_a_defect_is_500_with_nothing_leaked_and_a_line_for_us(method: str, path: str) -> None:
    said: list[str] = []
    guard = Guard(make_app(Broken()), None, said.append)  # type: ignore[arg-type] # it is broken

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(guard, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gate") as client:
            return await client.request(method, path, json=PAYLOAD if method == "POST" else None)

    found = asyncio.run(ask())
    assert (found.status_code, found.content) == (500, b"")
    assert said == ["a request failed: RuntimeError: a secret of the store: this is a defect of gpu-compat"]
