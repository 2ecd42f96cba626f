"""The base of every action's parameters, and the types their figures are written in.

Pydantic checks a scenario's values against these: all faults at once, each with its path. A
`Size` is bytes, a `Duration` nanoseconds, a `Share` parts per million, all plain integers
once validated. From Python they are given as just those integers; only what a scenario wrote
(`context=WRITTEN`) is read by the rules for people, where a time needs a unit and 1 is a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from memtui.units import (
    DURATION_HINT,
    HOUR,
    MINUTE,
    MS,
    PPM,
    SECOND,
    SHARE_HINT,
    SIZE_HINT,
    TIB,
    US,
    parse_duration,
    parse_share,
    parse_size,
    shorten,
)

MAX_SIZE_BYTES: Final = 64 * TIB
"""The most RAM x86-64 has with four levels of page tables; nothing in a scenario is larger."""

MAX_TIME_NS: Final = 1_000_000 * HOUR
"""Longest time in a scenario: 114 years, within the 64 bits the kernel keeps nanoseconds in."""

MAX_COUNT: Final = 1 << 22
"""Linux's PID_MAX_LIMIT (include/linux/threads.h): nothing is made in greater number by one entry."""


WRITTEN: Final[Mapping[str, bool]] = {"written": True}
"""The validation context of values that come from a scenario's text."""


class Params(BaseModel):
    """Parameters of one action: immutable, and nothing that is not named here is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    short_field: ClassVar[str | None] = None
    """The field that a plain value stands for: `nr_hugepages: 10240` means `{count: 10240}`."""

    @model_validator(mode="before")
    @classmethod
    def _expand_short_form(cls, value: Any) -> Any:
        if cls.short_field is None or isinstance(value, (dict, list, Params)):
            return value
        return {cls.short_field: value}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        if cls.short_field is None:
            return schema
        short = {key: value for key, value in schema["properties"][cls.short_field].items() if key != "title"}
        return {"description": schema.get("description", ""), "anyOf": [short, schema]}


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"expected {SIZE_HINT}")
    return parse_size(value)


def duration_of(value: Any) -> int:
    """Nanoseconds of a scenario's time; raises ValueError with one line that says what was expected."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"expected {DURATION_HINT}")
    if str(value).startswith("-"):
        raise ValueError(f"a time before zero; expected {DURATION_HINT}")
    if isinstance(value, int) and value:
        raise ValueError(f"{shorten(str(value))} has no unit; expected {DURATION_HINT}")
    duration_ns = parse_duration(value)
    if duration_ns > MAX_TIME_NS:
        raise ValueError(f"a time too far away; expected at most {MAX_TIME_NS // HOUR}h")
    return duration_ns


def _is_figure(value: Any, info: ValidationInfo) -> bool:
    """Whether a value is an integer in its final unit already."""
    return info.context is not WRITTEN and isinstance(value, int) and not isinstance(value, bool)


def read_duration(value: Any, info: ValidationInfo) -> int:
    """Nanoseconds of a time, from Python or as a scenario wrote it."""
    return int(value) if _is_figure(value, info) else duration_of(value)


def _share(value: Any, info: ValidationInfo) -> int:
    if _is_figure(value, info):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"expected {SHARE_HINT}")
    return parse_share(value)


def exact_size(size_bytes: int) -> str:
    """A size as a scenario writes it, in the largest unit that holds it exactly: `64TiB`, `3KiB`, `5`."""
    for shift, unit in ((60, "EiB"), (50, "PiB"), (40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size_bytes and not size_bytes % (1 << shift):
            return f"{size_bytes >> shift}{unit}"
    return str(size_bytes)


def exact_duration(duration_ns: int) -> str:
    """A time as a scenario writes it, in the largest unit that holds it exactly: `2m`, `1500ms`, `0`."""
    for unit_ns, unit in ((HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (MS, "ms"), (US, "us"), (1, "ns")):
        if duration_ns and not duration_ns % unit_ns:
            return f"{duration_ns // unit_ns}{unit}"
    return "0"


def exact_share(share_ppm: int) -> str:
    """A share as a scenario writes it: `10%`, `0.5%`."""
    whole, rest = divmod(share_ppm, PPM // 100)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".") + "%"


def size_between(lowest: int, highest: int) -> AfterValidator:
    """A check that a size lies within two bounds, in bytes, both included."""

    def check(size_bytes: int) -> int:
        if size_bytes < lowest:
            raise ValueError(f"{exact_size(size_bytes)} is too small; expected at least {exact_size(lowest)}")
        if size_bytes > highest:
            raise ValueError(f"{exact_size(size_bytes)} is too large; expected at most {exact_size(highest)}")
        return size_bytes

    return AfterValidator(check)


_SIZE_SCHEMA = {"type": ["string", "integer"], "format": "size", "description": SIZE_HINT}
_DURATION_SCHEMA = {"type": ["string", "integer"], "format": "duration", "description": DURATION_HINT}
_SHARE_SCHEMA = {"type": ["string", "number"], "format": "share", "description": SHARE_HINT}

Size = Annotated[int, BeforeValidator(_size), WithJsonSchema(_SIZE_SCHEMA)]
"""Bytes, written `4KiB`."""
Duration = Annotated[int, BeforeValidator(read_duration), Field(ge=0, le=MAX_TIME_NS), WithJsonSchema(_DURATION_SCHEMA)]
"""Nanoseconds, written `20ms`."""
Share = Annotated[int, BeforeValidator(_share), Field(ge=0, le=PPM), WithJsonSchema(_SHARE_SCHEMA)]
"""Parts per million, written `10%`."""

PositiveSize = Annotated[Size, size_between(1, MAX_SIZE_BYTES)]
"""Bytes of something that must not be empty."""
AnySize = Annotated[Size, size_between(0, MAX_SIZE_BYTES)]
"""Bytes, or none."""
Count = Annotated[int, Field(ge=1, le=MAX_COUNT)]
"""How many of something: one at least."""
