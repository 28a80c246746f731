"""The terminal while a command runs: a line that is rewritten, or a line now and then where it is piped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from compat.run.measure import Progress

__all__ = ["Screen", "new_console"]


def new_console() -> Console:
    """The terminal; numbers and paths are not coloured, for they are not what matters."""
    from rich.console import Console

    return Console(highlight=False)


class Screen:
    """What is shown while measuring: a line that is rewritten on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        from compat.run.measure import Pace

        self._console = console
        self._status = console.status("") if console.is_terminal else None
        self._pace = Pace()
        if self._status is not None:
            self._status.start()

    def say(self, sentence: str) -> None:
        """Print a sentence, as it is."""
        self._console.print(sentence, markup=False, soft_wrap=True)

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""
        from rich.text import Text

        if self._status is not None:
            self._status.update(Text(progress.line(self._console.width - 4)))
        elif self._pace.due(progress):
            self.say(progress.line())

    def end(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()
