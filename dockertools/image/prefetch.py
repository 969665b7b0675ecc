"""Fetch ahead: the engine reads an image, and a layer is expanded, while we look at what came before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Event

PIECES_AHEAD = 256
"""With the 32 kB pieces that the engine sends, 8 MB."""


class Prefetched:
    """Pieces that a thread fetches, as a stream."""

    def __init__(self, queue: Queue[bytes | None], fetching: Future[None]) -> None:
        self._queue = queue
        self._fetching = fetching
        self._rest = b""
        self._is_over = False

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes. Raises what fetching them raised."""
        while not self._rest and not self._is_over:
            piece = self._queue.get()
            if piece is None:
                self._is_over = True
                self._fetching.result()
            else:
                self._rest = piece
        piece, self._rest = self._rest[:count], self._rest[count:]
        return piece


@contextmanager
def prefetched(pieces: Iterable[bytes], ahead: int = PIECES_AHEAD) -> Iterator[Prefetched]:
    """Fetch `pieces` in a thread for the time of the block; at its end nothing is fetched any more."""
    queue: Queue[bytes | None] = Queue(ahead)
    stopped = Event()
    with ThreadPoolExecutor(1, "fetch") as executor:
        fetching = executor.submit(_fetch, pieces, queue, stopped)
        try:
            yield Prefetched(queue, fetching)
        finally:
            stopped.set()
            while not fetching.done():  # the thread may wait for room
                try:
                    queue.get(timeout=0.05)
                except Empty:
                    continue


def _fetch(pieces: Iterable[bytes], queue: Queue[bytes | None], stopped: Event) -> None:
    try:
        for piece in pieces:
            queue.put(piece)
            if stopped.is_set():
                return
    finally:
        queue.put(None)
