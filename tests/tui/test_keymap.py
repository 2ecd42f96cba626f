"""Other keys for actions: what is understood, and what is refused in one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.keys import KEY_NAME_REPLACEMENTS, _character_to_key

from memtui.tui.actions import ACTIONS
from memtui.tui.keymap import FILE, file_of, from_file, key_name, parse_change, rebound


@pytest.mark.parametrize("code", range(33, 127))
def test_characters_have_the_names_textual_gives_them(code: int) -> None:
    named = chr(code) if chr(code).isalnum() else _character_to_key(chr(code))
    assert key_name(chr(code)) == KEY_NAME_REPLACEMENTS.get(named, named)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("space", "space"),
        ("Esc", "escape"),
        ("PgDn", "pagedown"),
        ("F5", "f5"),
        ("ctrl+X", "ctrl+X"),
        ("Shift+Ctrl+F2", "ctrl+shift+f2"),
        ("ctrl++", "ctrl+plus"),
        ("é", "é"),
        ("comma", "comma"),
    ],
)
def test_keys_by_name(written: str, name: str) -> None:
    assert key_name(written) == name


@pytest.mark.parametrize("written", ["", " ", "F25", "F0", "hyper+x", "page", "ctrl+", "\x1b", "ab", "\n"])
def test_what_is_no_key(written: str) -> None:
    with pytest.raises(ValueError, match="is no key; expected a character, or a name such as space, comma, enter"):
        key_name(written)


def test_keys_of_one_action_take_the_place_of_its_own() -> None:
    changes = [("pause", ["p", "F9"]), ("pause", ["P", ","]), ("tick-back", ["b"]), ("baseline", ["B"])]
    changed = {action.id: action for action in rebound(changes)}
    assert changed["pause"].keys == ("P", "comma")
    assert changed["pause"].shown == "P"
    assert changed["tick-back"].keys == ("b",)
    assert [action.id for action in ACTIONS] == list(changed)
    assert rebound([]) == ACTIONS


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("pause=p", ("pause", ["p"])),
        (" quit = Q , ctrl+q ", ("quit", ["Q", "ctrl+q"])),
        ("pause=,", ("pause", [","])),
        ("zoom-in==", ("zoom-in", ["="])),
    ],
)
def test_changes_as_they_are_written(text: str, change: tuple[str, list[str]]) -> None:
    assert parse_change(text) == change


@pytest.mark.parametrize("text", ["pause", "=p", "pause=", "", "p: pause"])
def test_what_binds_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="binds nothing; expected ID=KEY, such as pause=p"):
        parse_change(text)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([("paus", ["p"])], "no action 'paus'; did you mean 'pause'?; memtui list keys has all"),
        ([("pause", ["q"])], "the key q would be both 'pause' and 'quit'; bind both anew"),
        ([("pause", ["x"]), ("help", ["x"])], "the key x would be both 'pause' and 'help'; bind both anew"),
        ([("interrupt", ["x"])], "'interrupt' keeps its key ctrl+c"),
        ([("quit", ["ctrl+c"])], "the key ctrl+c would be both 'quit' and 'interrupt'; bind both anew"),
        ([("quit", ["spc"])], "'spc' is no key; expected a character, or a name such as"),
    ],
)
def test_what_cannot_be_bound(changes: list[tuple[str, list[str]]], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        rebound(changes)


def test_a_file_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    assert from_file(path) == []
    path.write_text("# mine\n\npause = p\n  faster = F7, F8 \n", encoding="utf-8")
    assert from_file(path) == [("pause", ["p"]), ("faster", ["F7", "F8"])]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"pause = p\nfoo\n", "keys:2: 'foo' binds nothing; expected ID=KEY, such as pause=p"),
        (b"\xff\xfe = p\n", "keys:1: no action '\ufffd\ufffd'"),
        (b"pause = q\n", "keys: the key q would be both 'pause' and 'quit'"),
        (b"x" * 70_000, "keys: more than 65536 bytes; expected lines such as pause = p"),
    ],
)
def test_what_is_wrong_with_a_file_of_keys(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(words)):
        from_file(path)


def test_a_directory_is_no_file_of_keys(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        from_file(tmp_path)


def test_where_the_file_is() -> None:
    assert file_of({"XDG_CONFIG_HOME": "/settings", "HOME": "/home/me"}) == Path("/settings") / FILE
    assert file_of({"HOME": "/home/me"}) == Path("/home/me/.config") / FILE
