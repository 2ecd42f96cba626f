"""Every broken scenario is answered with exactly the lines it deserves, and with all of them.

The files of `bad/` begin with the faults they must be answered with, `# expect: LINE:COLUMN:
MESSAGE`, one comment for each, in order. What cannot be written with a comment above it is in
the table below.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from memtui.scenario import ScenarioError, load
from memtui.scenario.files import decode
from memtui.scenario.loader import load_text
from memtui.scenario.reader import MAX_BYTES, MAX_NODES

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
EXPECT = "# expect: "

RAW: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "1:1: empty; expected a scenario, with a machine and a timeline"),
    "comments_only": (b"# a\n# b\n", "3:1: empty; expected a scenario, with a machine and a timeline"),
    "markers_only": (b"---\n...\n", "2:1: expected keys and values at top level: name, machine, timeline, expect"),
    "nul": (b"memtui: 1\nname: a\0b\n", "2:8: character 0x00 has no place in YAML text"),
    "escape_code": (b"name: \x1b[31mred\n", "1:7: character 0x1b has no place in YAML text"),
    "delete": (b"name: \x7f\n", "1:7: character 0x7f has no place in YAML text"),
    "latin_1": ("name: Größe\n".encode("latin-1"), "1:9: not UTF-8 text: byte 0xf6 (invalid start byte)"),
    "utf_16": ("name: x\n".encode("utf-16"), "1:1: not UTF-8 text: byte 0xff (invalid start byte)"),
    "cut_character": ("name: é".encode()[:-1], "1:7: not UTF-8 text: byte 0xc3 (unexpected end of data)"),
    "surrogate": (b"name: \xed\xa0\x80\n", "1:7: not UTF-8 text: byte 0xed (invalid continuation byte)"),
    "brackets_50000": (b"[" * 50_000, "1:17: nested too deeply; expected at most 16 levels"),
    "closed_brackets_50000": (b"[" * 50_000 + b"]" * 50_000, "1:17: nested too deeply; expected at most 16 levels"),
    "bracket_lines_50000": (b"[\n" * 50_000, "17:1: nested too deeply; expected at most 16 levels"),
    "braces_50000": (b"{" * 50_000, "1:17: nested too deeply; expected at most 16 levels"),
    "dashes_50000": (b"- " * 50_000, "1:33: nested too deeply; expected at most 16 levels"),
    "questions_50000": (b"? " * 50_000, "1:33: nested too deeply; expected at most 16 levels"),
    "deep_keys": (
        "\n".join(" " * depth + "a:" for depth in range(900)).encode(),
        "17:17: nested too deeply; expected at most 16 levels",
    ),
    "digits_5000": (b"seed: " + b"9" * 5000, "1:7: a number of 5000 digits; expected at most 24"),
    "digits_5000_in_a_size": (
        b"machine: {ram: " + b"9" * 5000 + b"GiB}",
        f"1:16: ram: '{'9' * 39}…' is not a size; "
        "expected a size such as 4KiB, 2MiB, 1GiB or 64TiB (powers of 1024; a plain number is bytes)",
    ),
    "digits_5000_in_a_directive": (
        b"%YAML " + b"9" * 5000 + b".1\n---\nseed: 1\n",
        "1:1: not YAML: after this, an escape or directive beyond its range",
    ),
    "long_key": (
        b"a" * 1000 + b": 1",
        f"1:1: unknown key '{'a' * 39}…' in scenario; "
        "expected memtui, name, about, seed, until, machine, timeline or expect",
    ),
    "too_many_values": (
        b"expect: [" + b"1," * MAX_NODES + b"1]",
        f"1:{10 + 2 * (MAX_NODES - 2)}: too many values; expected at most {MAX_NODES}",
    ),
    "a_second_document": (b"memtui: 1\n---\n- 1\n", "2:1: a second document; expected one scenario per file"),
}


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_scenario(path: Path) -> None:
    wanted = [line[len(EXPECT) :] for line in path.read_text().splitlines() if line.startswith(EXPECT)]
    assert wanted
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert [f"{fault.place.line}:{fault.place.column}: {fault.message}" for fault in caught.value.faults] == wanted
    assert str(caught.value).splitlines() == [f"{path}:{line}" for line in wanted]


@pytest.mark.parametrize("name", RAW)
def test_bad_bytes(name: str) -> None:
    data, wanted = RAW[name]
    with pytest.raises(ScenarioError) as caught:
        load_text(decode(data, "f"), "f")
    assert str(caught.value) == f"f:{wanted}"


def test_more_than_a_mebibyte_is_refused_unread() -> None:
    with pytest.raises(ScenarioError, match=r"^f: too large; expected at most 1024 KiB of text$"):
        decode(b"#" * (MAX_BYTES + 1), "f")
    with pytest.raises(ScenarioError, match=r"^f: too large; expected at most 1024 KiB of text$"):
        load_text("#" * (MAX_BYTES + 1), "f")


def test_there_are_at_least_40_bad_files() -> None:
    assert len(BAD) >= 40


def test_a_byte_order_mark_is_no_fault() -> None:
    assert load_text(decode("\ufeffname: x\n".encode(), "f"), "f").name == "x"


def test_windows_line_ends_are_no_fault() -> None:
    assert load_text("name: x\r\nseed: 5\r\n", "f").seed == 5
