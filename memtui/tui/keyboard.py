"""What a terminal sends, understood: keys, and pastes of any size.

Textual reads one character at a time, waits a tenth of a second for what may follow an escape, and ends with the
first byte that is no UTF-8. Here whole pastes are taken out first, and bytes that are no text are passed over.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Final

from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.constants import ESCAPE_DELAY
from textual.events import Key, Paste
from textual.message import Message

ESCAPE: Final = "\x1b"

MOST_PASTED: Final = 1 << 16
"""Characters of a paste that are kept: more than any line that is asked for can take."""

ESCAPE_WAIT_S: Final = ESCAPE_DELAY + 0.005
"""Seconds without anything to read after which an escape was a key, and not the beginning of another's name."""

_WORDWISE: Final = ("b", "f")
"""After an escape these move by words in a line that is typed, as they do in a shell."""


class KeyParser(XTermParser):
    """Textual's parser, for terminals and multiplexers where an escape and the next key arrive as one.

    Such a pair is the same bytes as Alt and the key, which nothing here is bound to: both keys were meant.
    """

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        events = list(super()._sequence_to_key_events(sequence))
        paired = len(sequence) == 2 and sequence[0] == ESCAPE and sequence[1].isprintable()
        if events and (alt or (paired and sequence[1] not in _WORDWISE)):
            return [Key("escape", ESCAPE), *super()._sequence_to_key_events(sequence[-1])]
        return events


class Keyboard:
    """Turns what was read from a terminal into messages, however it was cut into reads."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._parser = KeyParser()
        self._pasted: list[str] | None = None
        """The pieces of the paste that has begun; None outside of one."""
        self._kept = 0
        self._tail = ""
        """The last characters of the paste so far: they may be the beginning of its end."""

    def read(self, data: bytes) -> Iterator[Message]:
        """The messages that so many bytes complete."""
        text = self._decoder.decode(data)
        while text:
            if self._pasted is None:
                before, begun, text = text.partition(BRACKETED_PASTE_START)
                yield from self._parser.feed(before) if before else ()
                if begun:
                    self._pasted, self._kept, self._tail = [], 0, ""
            else:
                piece, ended, text = (self._tail + text).partition(BRACKETED_PASTE_END)
                self._keep(piece, ended=bool(ended))
                if ended:
                    yield Paste("".join(self._pasted).replace("\0", ""))
                    self._pasted = None

    def waited(self) -> Iterator[Message]:
        """The messages that time alone completes: an escape that nothing followed."""
        return iter(self._parser.tick())

    def _keep(self, piece: str, *, ended: bool) -> None:
        """Adds to the paste what is surely of it, as far as there is room."""
        assert self._pasted is not None
        sure = len(piece) if ended else max(0, len(piece) - len(BRACKETED_PASTE_END) + 1)
        self._tail = piece[sure:]
        kept = piece[: min(sure, MOST_PASTED - self._kept)]
        self._kept += len(kept)
        self._pasted.append(kept)
