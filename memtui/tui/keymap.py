"""Other keys for actions: from the command line and from a file, by the id of the action.

A line of the file, or the value of `--key`, is an id, `=`, and one key or several with commas between:

    pause = p
    quit = Q, ctrl+q
    faster = F7

A key is a character, or a name: space, enter, comma, pgup, F5, ctrl+x. No Textual here: the command line reads this.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from memtui.scenario.faults import did_you_mean
from memtui.tui.actions import ACTIONS, Action
from memtui.units import shorten

FILE: Final = "memtui/keys"
"""Where the file is, in the directory for settings: `$XDG_CONFIG_HOME`, or `~/.config`."""

MOST_BYTES: Final = 1 << 16
"""A larger file holds no keys."""

UNBOUND: Final = ("interrupt",)
"""Actions that keep their keys: ctrl+c has to end a program that answers to nothing else."""

EXPECTED_KEY: Final = "a character, or a name such as space, comma, enter, pgup, F5 or ctrl+x"

_NAMES: Final = (
    *("space", "enter", "escape", "tab", "backspace", "insert", "delete", "comma", "plus"),
    *("home", "end", "pageup", "pagedown", "up", "down", "left", "right"),
)
_SHORT_NAMES: Final = {"esc": "escape", "pgup": "pageup", "pgdn": "pagedown", "del": "delete", "ins": "insert"}

_CHARACTERS: Final = {"-": "minus", "+": "plus", "_": "underscore", "/": "slash", "\\": "backslash", "@": "at"}
"""Characters whose name is not the one Unicode gives them."""

_BY_ID: Final = {action.id: action for action in ACTIONS}
_FUNCTION_KEY: Final = re.compile(r"f([1-9]|1\d|2[0-4])")
_MODIFIED: Final = re.compile(r"((?:ctrl\+|alt\+|shift\+)+)(.+)", re.IGNORECASE)


def key_name(written: str) -> str:
    """A key as Textual names it. Raises ValueError with one line for what is no key."""
    modified = _MODIFIED.fullmatch(written)
    if modified is not None:
        modifiers = sorted(set(modified[1].lower().strip("+").split("+")))
        return "+".join([*modifiers, key_name(modified[2])])
    if len(written) == 1 and written.isprintable() and written != " ":
        return _character_name(written)
    name = _SHORT_NAMES.get(written.lower(), written.lower())
    if name in _NAMES or _FUNCTION_KEY.fullmatch(name):
        return name
    raise ValueError(f"{shorten(written)!r} is no key; expected {EXPECTED_KEY}")


def _character_name(character: str) -> str:
    if character.isalnum():
        return character
    known = _CHARACTERS.get(character, "") or unicodedata.name(character, character)
    return known.lower().replace("-", "_").replace(" ", "_")


Change = tuple[str, Sequence[str]]
"""The id of an action, and its keys as they were written."""


def parse_change(text: str) -> Change:
    """`ID=KEY,KEY...` in parts. Raises ValueError with one line for anything else."""
    action_id, equals, keys = (part.strip() for part in text.partition("="))
    if not equals or not action_id or not keys:
        raise ValueError(f"{shorten(text)!r} binds nothing; expected ID=KEY, such as pause=p")
    written = [key.strip() for key in keys.split(",")] if keys != "," else [keys]
    return action_id, written


def checked(change: Change) -> Change:
    """The change if it can be made. Raises ValueError with one line if not."""
    action_id, written = change
    if action_id not in _BY_ID:
        raise ValueError(f"no action {shorten(action_id)!r}{did_you_mean(action_id, _BY_ID)}; memtui list keys has all")
    if action_id in UNBOUND:
        raise ValueError(f"{action_id!r} keeps its key {_BY_ID[action_id].shown}")
    for key in written:
        key_name(key)
    return change


def rebound(changes: Iterable[Change]) -> tuple[Action, ...]:
    """All actions with other keys for those that are named; the last word on an action holds.

    Raises ValueError with one line for a change that cannot be made, and for a key that two actions would have.
    """
    wanted = dict(map(checked, changes))
    actions = tuple(_with_keys(action, wanted.get(action.id, ())) for action in ACTIONS)
    owner: dict[str, str] = {}
    for action in actions:
        for key in action.keys:
            if owner.setdefault(key, action.id) != action.id:
                raise ValueError(f"the key {key} would be both {owner[key]!r} and {action.id!r}; bind both anew")
    return actions


def _with_keys(action: Action, written: Sequence[str]) -> Action:
    return replace(action, keys=tuple(map(key_name, written)), shown=written[0]) if written else action


def from_file(path: Path) -> list[Change]:
    """What a file of keys changes; nothing if there is none.

    Raises ValueError with `file:line: what is wrong` in one line, or why it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(data) > MOST_BYTES:
        raise ValueError(f"{path}: more than {MOST_BYTES} bytes; expected lines such as pause = p")
    changes = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                changes.append(checked(parse_change(line)))
            except ValueError as error:
                raise ValueError(f"{path}:{number}: {error}") from None
    try:
        rebound(changes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return changes


def file_of(environment: Mapping[str, str]) -> Path:
    """Where the file of keys is looked for."""
    folder = environment.get("XDG_CONFIG_HOME", "")
    return (Path(folder) if folder else Path(environment.get("HOME", "/")) / ".config") / FILE
