"""What is said of a picture's file, without the libraries that read it."""

from __future__ import annotations

from dataclasses import dataclass


class PictureRefused(Exception):
    """A file that is no picture we decode: too large, cut, or something else in disguise."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Quality:
    """0 to 100, with every fault found."""

    score: int
    faults: tuple[str, ...]
