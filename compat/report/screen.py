"""The terminal while something is measured: a line that is rewritten, or a line now and then where it is piped.

The command and pytest show the same. What is printed is text: no name in it is read as markup, or steers the terminal.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from compat.report.text import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from compat.run.progress import Progress

__all__ = ["Screen", "new_console", "of_reporter", "plain_text"]

_A_SECOND = 4  # how often the line is drawn again


def new_console() -> Console:
    """The terminal; numbers and paths are not coloured, for they are not what matters."""
    from rich.console import Console

    return Console(highlight=False)


def plain_text(console: Console, text: str, style: str = "") -> Text:
    """``text`` without markup, in characters that the console's encoding has, as one line."""
    from rich.text import Text

    shown = " ".join(clean(text).split("\n")).encode(console.encoding, "backslashreplace")
    return Text(shown.decode(console.encoding), style=style)


def of_reporter(reporter: Any, *, quiet: bool = True) -> Console:
    """Where pytest's terminal reporter writes, with colours where it has them.

    Nowhere where there is none or, if ``quiet``, where it was asked for less (``-q``).
    """
    from rich.console import Console

    if reporter is None or (quiet and reporter.verbosity < 0):
        return Console(quiet=True)
    writer = reporter._tw
    return Console(file=writer._file, force_terminal=reporter.isatty, no_color=not writer.hasmarkup, highlight=False)


class Screen:
    """What is shown while measuring. ``before`` stands before each line; ``end`` has to be called, after errors too.

    On a terminal the line goes on counting between two pairs, which may be minutes apart.
    """

    def __init__(self, console: Console, before: str = "") -> None:
        from compat.run.progress import Pace

        self._console = console
        self._before = before
        self._pace = Pace()
        self._last: tuple[Progress, float] | None = None  # and when it came
        self._begin = time.monotonic()
        # FORCE_COLOR asks for colours in a pipe, too: but nothing is rewritten there.
        rewritten = console.is_terminal and not console.is_dumb_terminal and console.file.isatty()
        self._live = self._line() if rewritten else None

    def _line(self) -> Live:
        from rich.live import Live

        live = Live(
            get_renderable=self._now,
            console=self._console,
            transient=True,
            refresh_per_second=_A_SECOND,
            # What others print is theirs, and pytest has its own ways with it.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        live.start()
        return live

    def _now(self) -> Text:
        from compat.report.progress_text import clock, fitted, progress_line

        width = self._console.width - 1 - len(self._before)  # a terminal may wrap what fills it
        if self._last is None:
            said = fitted(f"getting ready, {clock(time.monotonic() - self._begin)}", width)
        else:
            progress, came = self._last
            said = progress_line(progress.after(time.monotonic() - came), width)
        line = plain_text(self._console, self._before + said)
        line.no_wrap, line.overflow = True, "ellipsis"
        return line

    def say(self, sentence: str) -> None:
        """Print a sentence, as it is."""
        self._console.print(plain_text(self._console, self._before + sentence), soft_wrap=True)

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""
        from compat.report.progress_text import progress_line

        self._last = progress, time.monotonic()
        if self._live is None and self._pace.due(progress):
            self.say(progress_line(progress))

    def end(self) -> None:
        """Take the line away, and say what was measured in which time."""
        from compat.report.progress_text import clock
        from compat.report.text import count

        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._last is not None:
            progress, self._last = self._last[0], None
            pairs, cases = count(progress.pairs, "pair"), count(progress.cases, "case")
            self.say(f"measured: {pairs} of {cases}, {clock(progress.elapsed)}")
