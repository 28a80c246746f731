"""The program ``compat``: its commands, in the order of the way through."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, NoReturn

import typer

from compat.commands import baseline, rollback, store
from compat.commands.attest import attest, keys, verify_attestation
from compat.commands.audit import audit
from compat.commands.gate import gate
from compat.commands.judge import golden, judge, report
from compat.commands.kernel import kernel
from compat.commands.merge import merge
from compat.commands.node import node
from compat.commands.outputs import tell
from compat.commands.plan import plan
from compat.commands.rings import rings
from compat.commands.run import calibrate, repeat_case, run
from compat.commands.serve import serve
from compat.commands.show import show
from compat.commands.soak import soak
from compat.commands.tables import check, support
from compat.commands.words import no_empty
from compat.errors import CompatError

__all__ = ["app", "main"]

_LONGEST = 500  # characters of what went wrong

app = typer.Typer(
    name="compat",
    help="May this upgrade go to the next ring of nodes? GO, NO-GO or HOLD, with the evidence.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_COMMANDS = (
    node, support, check, plan, run, calibrate, merge, judge, report, gate, rings, soak, serve, show, golden, kernel,
)  # fmt: skip
for command in _COMMANDS:
    app.command()(command)
app.command(name="case")(repeat_case)
app.add_typer(baseline.app, name="baseline")
app.add_typer(store.app, name="store")
app.command()(attest)
app.command()(verify_attestation)
app.command()(audit)
app.add_typer(keys)
app.add_typer(rollback.app, name="rollback")


def main() -> None:
    """Run a command; a problem is one line on standard error and exit code 2."""
    try:
        no_empty(sys.argv[1:])
        code = app(standalone_mode=False)
        if sys.stdout is not None:
            tell("")  # what is still in the buffer
        sys.exit(code)
    except CompatError as problem:
        print(f"compat: {problem}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        print("compat: standard output cannot be written: Broken pipe", file=sys.stderr)  # noqa: T201
        sys.exit(2)  # it was 1, which would be NO-GO
    except Exception as problem:  # noqa: BLE001 - exit code 1 would be NO-GO, and pipelines roll back on it
        if hasattr(problem, "format_message"):
            _misspelt(problem)
        if os.environ.get("COMPAT_TRACEBACK"):
            traceback.print_exc()
        said = " ".join(f"{type(problem).__name__}: {problem}".split())
        print(f"compat: a defect of gpu-compat: {said[:_LONGEST]}; COMPAT_TRACEBACK=1 shows where", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        print("compat: stopped; what was measured is kept, and the same command goes on from there", file=sys.stderr)  # noqa: T201
        sys.exit(130)


def _misspelt(problem: Any) -> NoReturn:
    """Say what click finds wrong with the words of a call, in one line; where there are no words at all, the help."""
    context = getattr(problem, "ctx", None)
    if type(problem).__name__ == "NoArgsIsHelpError":
        problem.show()
    else:
        said = " ".join(problem.format_message().split()).rstrip(".")
        command = context.command_path if context else "compat"
        print(f"compat: {said}; {command} --help says what there is", file=sys.stderr)  # noqa: T201
    sys.exit(problem.exit_code)
