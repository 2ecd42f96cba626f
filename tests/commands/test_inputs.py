"""Values of options: what is understood, and the one line that answers what is not."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from memtui.commands import inputs
from memtui.commands.inputs import MAX_SEED, BadInput
from memtui.units import MS, SECOND


def test_values_are_understood() -> None:
    assert inputs.moment_ns("--at", "1.5s") == 1500 * MS
    assert inputs.interval_ns("--interval", "20ms") == 20 * MS
    assert inputs.interval_ns("--interval", None) is None
    assert inputs.speed("--speed", "max") == math.inf
    assert inputs.speed("--speed", None) == 1.0
    assert inputs.seed("--seed", "18446744073709551615") == MAX_SEED
    assert inputs.seed("--seed", None) is None
    assert inputs.picture_size("--size", "120x40") == (120, 40)
    assert inputs.picture_size("--size", "80X24") == (80, 24)
    assert inputs.moment_ns("--at", "1h") == 3600 * SECOND


@pytest.mark.parametrize(
    ("parse", "option", "text", "words"),
    [
        (
            inputs.moment_ns,
            "--at",
            "12",
            "--at: '12' is not a time; expected a time such as 250us, 20ms, 3s, 2m or 1h30m",
        ),
        (inputs.moment_ns, "--until", "-1s", "--until: '-1s' is not a time; expected a time such as"),
        (
            inputs.interval_ns,
            "--interval",
            "0",
            "--interval: 0 is no interval; expected a time above zero, such as 100ms",
        ),
        (inputs.speed, "--speed", "fast", "--speed: 'fast' is no speed; expected a factor from 0.1 to 1000, or max"),
        (inputs.speed, "--speed", "5000", "--speed: 5000 is no speed; expected a factor from 0.1 to 1000, or max"),
        (
            inputs.seed,
            "--seed",
            "-1",
            "--seed: '-1' is no seed; expected a whole number from 0 to 18446744073709551615",
        ),
        (inputs.seed, "--seed", "9" * 5000, "--seed: '" + "9" * 39 + "…' is no seed"),
        (inputs.seed, "--seed", "18446744073709551616", "--seed: '18446744073709551616' is no seed"),
        (inputs.seed, "--seed", "٣", "--seed: '٣' is no seed"),
        (inputs.picture_size, "--size", "huge", "--size: 'huge' is no size; expected columns and rows such as 120x40"),
        (inputs.picture_size, "--size", "120", "--size: '120' is no size"),
        (
            inputs.picture_size,
            "--size",
            "0x0",
            "--size: 0x0 is not a size of a terminal; expected 20 to 500 columns and 5",
        ),
        (inputs.picture_size, "--size", "9999x40", "--size: 9999x40 is not a size of a terminal"),
    ],
)
def test_what_is_not_understood_is_answered_in_one_line(
    parse: Callable[[str, str], object], option: str, text: str, words: str
) -> None:
    with pytest.raises(BadInput) as caught:
        parse(option, text)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
