"""Whatever is written, the answer is a Scenario or the lines of a ScenarioError, and nothing else."""

from __future__ import annotations

import contextlib
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from memtui.scenario import Scenario, ScenarioError, load_text
from memtui.scenario.files import decode
from tests.scenario.samples import CONTRACT

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)

PIECES = st.sampled_from(
    [
        *(
            "- ",
            ": ",
            "\n",
            "\n  ",
            "{",
            "}",
            "[",
            "]",
            ",",
            "&a",
            "*a",
            "!!str",
            "? ",
            "|",
            ">",
            "'",
            '"',
            "#",
            "\t",
            "%",
        ),
        *(
            "null",
            "-1",
            "1e999",
            "9" * 30,
            "0x",
            "2MB",
            "1EiB",
            "at",
            "end",
            "machine",
            "timeline",
            "expect",
            "ram",
            "<<",
        ),
        *(
            "\x85",
            "\u2028",
            "\ufeff",
            "\\",
            "☃",
            "min",
            "every",
            "until",
            "label",
            "true",
            ".inf",
            "{}",
            "[]",
            "0",
            "10%",
        ),
    ]
)
NOISE = st.one_of(PIECES, st.text(max_size=8))
TOKENS = [match.span() for match in re.finditer(r"[^\s,{}]+", CONTRACT)]
PLACE = re.compile(r"(f(:\d+:\d+)?|--set .*): .+", re.DOTALL)


def answer(text: str, sets: list[str]) -> Scenario | ScenarioError:
    """What a text is answered with."""
    try:
        return load_text(text, "f", sets)
    except ScenarioError as error:
        return error


def check(text: str, *sets: str) -> None:
    """Loads a text; a refusal must be lines that each say where and what."""
    found = answer(text, list(sets))
    if isinstance(found, ScenarioError):
        assert found.faults
        assert all(PLACE.fullmatch(str(fault)) for fault in found.faults)
        assert all(str(fault).isprintable() for fault in found.faults)
        assert found.with_source().startswith(str(found.faults[0]))


@EXAMPLES
@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    check(text)


@EXAMPLES
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    with contextlib.suppress(ScenarioError):
        check(decode(data, "f"))


@EXAMPLES
@given(st.lists(NOISE, max_size=40))
def test_any_mixture_of_yaml(pieces: list[str]) -> None:
    check("".join(pieces))


@EXAMPLES
@given(st.data())
def test_any_piece_of_a_scenario_replaced(data: st.DataObject) -> None:
    text = CONTRACT
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(NOISE) + text[start + length :]
    check(text)


@EXAMPLES
@given(st.sampled_from(TOKENS), NOISE)
def test_any_word_of_a_scenario_replaced(span: tuple[int, int], noise: str) -> None:
    check(CONTRACT[: span[0]] + noise + CONTRACT[span[1] :])


@EXAMPLES
@given(
    st.lists(
        st.sampled_from(["machine", "ram", "timeline", "0", "4", "at", "nr_hugepages", "count", "expect", "", "x"])
    ),
    NOISE,
)
def test_any_option(path: list[str], value: str) -> None:
    check(CONTRACT, f"{'.'.join(path)}={value}")


@EXAMPLES
@given(st.text(max_size=40))
def test_any_option_text(option: str) -> None:
    check(CONTRACT, option)
