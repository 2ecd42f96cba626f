"""What a terminal sends: keys however they are cut into reads, pastes of any size, bytes that are no text."""

from __future__ import annotations

import pytest
from textual.events import Key, Paste
from textual.message import Message

from memtui.tui.keyboard import ESCAPE_WAIT_S, MOST_PASTED, Keyboard


def words(messages: list[Message]) -> list[str]:
    """Each message in short."""
    return [
        message.key if isinstance(message, Key) else f"paste {message.text}" if isinstance(message, Paste) else "other"
        for message in messages
    ]


def read(*pieces: bytes) -> list[str]:
    keyboard = Keyboard()
    return words([message for piece in pieces for message in keyboard.read(piece)])


def read_and_waited(monkeypatch: pytest.MonkeyPatch, data: bytes) -> list[str]:
    """What was read, and what a wait without more to read completes."""
    clock = [0.0]
    monkeypatch.setattr("textual._parser.get_time", lambda: clock[0])
    keyboard = Keyboard()
    found = list(keyboard.read(data))
    clock[0] += ESCAPE_WAIT_S
    return words([*found, *keyboard.waited()])


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"<>", ["less_than_sign", "greater_than_sign"]),
        (b"\x1b[D\x1bOA", ["left", "up"]),
        (b"\x03", ["ctrl+c"]),
        (b"\x1bOP", ["f1"]),
    ],
)
def test_keys(data: bytes, keys: list[str]) -> None:
    assert read(data) == keys
    assert read(*(bytes([byte]) for byte in data)) == keys


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"\x1b", ["escape"]),
        (b"\x1b3", ["escape", "3"]),
        (b"\x1bq", ["escape", "q"]),
        (b"\x1b:", ["escape", "colon"]),
        (b"\x1b[", ["escape", "left_square_bracket"]),
        (b"\x1bb", ["ctrl+left"]),
        (b"\x1b\x1b", ["escape"]),
    ],
)
def test_an_escape_and_the_key_after_it_are_two_keys(
    monkeypatch: pytest.MonkeyPatch, data: bytes, keys: list[str]
) -> None:
    assert read_and_waited(monkeypatch, data)[-len(keys) :] == keys


def test_alt_of_a_terminal_that_tells_it_apart_is_one_key() -> None:
    assert read(b"\x1b[51;3u") == ["alt+3"]


@pytest.mark.parametrize("data", [b"\xe9q", b"\xff\xfe\x80q", b"\xe2\x82q", b"\xf0\x9f\x90q"])
def test_bytes_that_are_no_text_end_nothing(data: bytes) -> None:
    assert read(data)[-1] == "q"
    assert read(*(bytes([byte]) for byte in data))[-1] == "q"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_paste_is_one_message_however_it_is_cut(size: int) -> None:
    data = b"\x1b[200~nr_hugepages 1\x1b[20\x1b[D 2\n\0\xc3\xa9\x1b[201~q"
    first, rest = data[:6], data[6:]
    pieces = [first, *(rest[start : start + size] for start in range(0, len(rest), size))]
    assert read(*pieces) == ["paste nr_hugepages 1\x1b[20\x1b[D 2\né", "q"]


def test_keys_before_between_and_after_pastes_are_kept() -> None:
    assert read(b"a\x1b[200~x\x1b[201~b\x1b[200~y\x1b[201~c") == ["a", "paste x", "b", "paste y", "c"]


def test_of_a_paste_without_end_only_the_beginning_is_kept() -> None:
    keyboard = Keyboard()
    assert list(keyboard.read(b"\x1b[200~")) == []
    for _ in range(100):
        assert list(keyboard.read(b"x" * 65_536)) == []
    assert sum(map(len, keyboard._pasted or ())) == MOST_PASTED
    (paste, key) = keyboard.read(b"\x1b[201~q")
    assert isinstance(paste, Paste)
    assert paste.text == "x" * MOST_PASTED
    assert words([key]) == ["q"]
