"""The command that answers over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from compat.commands.words import Signatures, Store, Trust, counted

__all__ = ["serve"]


def serve(
    store: Store,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free; it is printed.")] = 8787,
    token_file: Annotated[
        str | None, typer.Option("--token-file", metavar="FILE|env:NAME", help="Who may ask: a token a line.")
    ] = None,
    no_token: Annotated[bool, typer.Option("--no-token", help="Let everybody on this machine ask.")] = False,
    trust: Trust = None,
    signatures: Signatures = 1,
) -> None:
    """Answer over HTTP what the gates say, by stored verdicts alone: nothing is judged or run. Ends with a signal.

    For Argo Rollouts, Flagger and monitoring. A bearer token is needed, but for a loopback address with --no-token.
    """
    from compat.errors import UsageError

    try:
        from compat.gate.serve.server import run_server
    except ImportError as problem:
        what = f"compat serve needs {problem.name}, which is not installed"
        raise UsageError("", what, "pip install 'gpu-compat[serve]'") from None
    from compat.gate.serve.listen import is_loopback, listen
    from compat.gate.serve.token import read_tokens
    from compat.way import Trust as Trusted
    from compat.way import open_store
    from compat.way.board import Board

    counted(trust, signatures)
    if token_file is not None and no_token:
        raise UsageError("token-file", "and --no-token contradict each other", "leave one out")
    if token_file is None and not (no_token and is_loopback(host)):
        remedy = "say --token-file FILE, or env:NAME"
        if no_token:
            raise UsageError("no-token", f"is for a loopback address, and {host} is none", remedy)
        raise UsageError("token-file", "nobody says who may ask", f"{remedy}; or --no-token, on a loopback address")
    tokens = None if token_file is None else read_tokens(token_file)

    def say(line: str) -> None:
        typer.echo(f"compat: {' '.join(line.split())}", err=True)

    board = Board(open_store(store), say, Trusted.of(trust, signatures))
    board.start()
    with listen(host, port) as listener:
        address, bound = listener.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        typer.echo(f"compat: answers for {store} at http://{shown}:{bound}")
        try:
            run_server(board, tokens, listener, say)
        finally:
            board.stop()
