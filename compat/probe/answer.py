"""What a case has come to so far: measurements and outputs, each added in the stage that a fault would be of."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from compat.model import Measurement
from compat.probe.faults import StageError
from compat.probe.outputs import Encoded, encode
from compat.probe.protocol import FRAMES_LIMIT, OutputHeader
from compat.probe.stage import Stage

__all__ = ["Answer"]


class Answer:
    """What a case has come to so far, and the stage it is at."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.inputs: list[str] = []  # the digest of each seed's
        self.measurements: list[Measurement] = []
        self.headers: list[OutputHeader] = []
        self.frames: list[bytes] = []
        self.notes: list[str] = []
        self.took: dict[str, str] = {}

    def staged(self, stage: str, function: Any, *arguments: Any) -> Any:
        """Call the function; what it raises is a fault of the stage."""
        self._stage.enter(stage)
        try:
            return function(*arguments)
        except (Exception, SystemExit) as cause:
            raise StageError(stage, cause) from cause

    def called(self, stage: str, module: ModuleType, name: str, *arguments: Any) -> Any:
        """Call a function that the content must have: that there is none is a fault of the stage as well."""
        return self.staged(stage, lambda: getattr(module, name)(*arguments))

    def encoded(self, stage: str, values: Any) -> dict[str, Encoded]:
        """What a function of the content returned, by name."""
        if not isinstance(values, dict):
            cause = TypeError(f"the work returned {type(values).__name__}, expected a dict of names and arrays")
            raise StageError(stage, cause)
        found = {str(name): self.staged(stage, encode, value) for name, value in values.items()}
        if len(found) != len(values):
            raise StageError(stage, ValueError("the work returned two outputs of one name"))
        return found

    def add(self, outputs: dict[str, Encoded], seed: int, reference: bool) -> None:
        """Add what one seed returned. Together they may not be more than a message holds."""
        for name, (dtype, shape, data) in outputs.items():
            self.headers.append(OutputHeader(name, dtype, shape, seed, reference))
            self.frames.append(data)
        if not sum(map(len, self.frames)) <= FRAMES_LIMIT:
            raise StageError("report", OverflowError(f"outputs of more than {FRAMES_LIMIT} bytes"))
