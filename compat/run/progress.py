"""Where measuring stands, for people who wait for it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pace", "Progress"]


@dataclass(frozen=True)
class Progress:
    """Where measuring stands."""

    generation: int
    pairs: int  # that exist by now
    done: int  # items that want no more pairs
    items: int
    elapsed: float  # seconds in this call
    item: str  # the one that was measured last

    def line(self, width: int = 0) -> str:
        """One line for people, of at most ``width`` characters when that is given."""
        minutes, seconds = divmod(int(self.elapsed), 60)
        pairs = "1 pair" if self.pairs == 1 else f"{self.pairs} pairs"
        text = f"generation {self.generation}, {pairs}, {self.done} of {self.items} cases need no more, "
        text += f"{minutes}:{seconds:02d}, {self.item}"
        return text if not 0 < width < len(text) else text[: width - 1] + "…"


class Pace:
    """Says when a progress line is due where lines cannot be rewritten: the first one, then one every ten seconds."""

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._next = 0.0

    def due(self, progress: Progress) -> bool:
        """Whether to print ``progress``."""
        if progress.elapsed < self._next:
            return False
        self._next = progress.elapsed + self._seconds
        return True
