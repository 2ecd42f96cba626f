"""Figures as panels write them: sizes, shares, counts and moments, short and with their unit."""

from __future__ import annotations

from memtui.units import MIB, MS, PPM, SECOND, format_bytes, format_clock, three_digits

SIZE_WIDTH = 8
"""Cells of the longest size: `1023 MiB`."""

_THOUSANDS = "kMGTPE"


def size_of(size_bytes: int) -> str:
    """A size right-aligned to the width of the longest, so that columns of sizes line up."""
    return format_bytes(size_bytes).rjust(SIZE_WIDTH)


def part_of(part_bytes: int, whole_bytes: int) -> str:
    """A part and its whole in one unit where that reads well: `9.80 of 29.0 GiB`."""
    part, whole = format_bytes(part_bytes), format_bytes(whole_bytes)
    part_figure, part_unit = part.split(" ")
    return f"{part_figure} of {whole}" if part_unit == whole.split(" ")[1] else f"{part} of {whole}"


def whole_percent(part: int, whole: int) -> str:
    """A share in whole percent that never calls a little nothing or nearly all everything: `73 %`, `<1 %`."""
    if whole <= 0 or part <= 0:
        return "0 %"
    if part >= whole:
        return "100 %"
    rounded = (200 * part + whole) // (2 * whole)
    if rounded == 0:
        return "<1 %"
    return ">99 %" if rounded == 100 else f"{rounded} %"


def percent(part: int, whole: int) -> str:
    """A share with three significant digits: `1.56 %`, `64.0 %`; below 0.005 % it says `<0.01 %`."""
    if whole <= 0 or part <= 0:
        return "0 %"
    value = 100 * part / whole
    if value < 0.005:
        return "<0.01 %"
    return "100 %" if part >= whole else f"{three_digits(value)} %"


def percent_of_ppm(ppm: int) -> str:
    """A share given in parts per million."""
    return percent(ppm, PPM)


def short_count(count: int, cells: int = 4) -> str:
    """A count in at most four cells: `310`, `4.9k`, `18k`, `123k`; or in three: `5k`, `18k`, `.1M`."""
    if count < 1000:
        return str(count)
    largest = 999.5 if cells >= 4 else 99.5
    value, place = count / 1000, 0
    while value >= largest and place < len(_THOUSANDS) - 1:
        value, place = value / 1000, place + 1
    if value < 0.95:
        return f"{value:.1f}"[1:] + _THOUSANDS[place]
    return (f"{value:.1f}" if value < 9.95 and cells >= 4 else f"{value:.0f}") + _THOUSANDS[place]


def moment(time_ns: int) -> str:
    """A moment in the event log, seconds with milliseconds: `12.310s`; from an hour on `1:02:03`."""
    return format_clock(time_ns).replace(" ", "")


def axis_time(time_ns: int) -> str:
    """A moment on the time bar, as short as it stays exact: `0s`, `30s`, `2.5s`, `250ms`, `12m`."""
    if time_ns % (60 * SECOND) == 0 and time_ns >= 600 * SECOND:
        return f"{time_ns // (60 * SECOND)}m"
    if time_ns % SECOND == 0 or time_ns >= 100 * SECOND:
        return f"{time_ns // SECOND}s"
    if time_ns >= SECOND:
        return f"{time_ns / SECOND:.2f}".rstrip("0").rstrip(".") + "s"
    return f"{time_ns // MS}ms"


def speed_factor(speed: float, times: str) -> str:
    """How fast simulated time runs against real time: `×10`, `×0.1`, `max`."""
    return "max" if speed == float("inf") else f"{times}{speed:g}"


def cell_size(cell_bytes: int) -> str:
    """What one cell of a map stands for: `292 MiB`, `4.57 GiB`; exact where it is a whole number of MiB."""
    return f"{cell_bytes // MIB} MiB" if MIB <= cell_bytes < 1000 * MIB else format_bytes(cell_bytes)
