"""The base of every action's parameters, and the types their figures are written in.

Pydantic checks a scenario's values against these: all faults at once, each with its path. A
`Size` is bytes, a `Duration` nanoseconds, a `Share` parts per million, all plain integers
once validated.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from memtui.units import TIB, parse_duration, parse_share, parse_size

MAX_SIZE_BYTES: Final = 64 * TIB
"""The most RAM x86-64 has with four levels of page tables; nothing in a scenario is larger."""

MAX_COUNT: Final = 1 << 22
"""Linux's PID_MAX_LIMIT (include/linux/threads.h): nothing is made in greater number by one entry."""


class Params(BaseModel):
    """Parameters of one action: immutable, and nothing that is not named here is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError("expected a size such as 4KiB, 2MiB, 1GiB or 64TiB")
    return parse_size(value)


def _duration(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError("expected a time such as 250us, 20ms, 3s, 2m or 1h30m")
    return parse_duration(value)


def _share(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("expected a share such as 10% or 0.1")
    return parse_share(value)


def short_form(value: Any, field: str) -> Any:
    """`{field: value}` for an action written short (`nr_hugepages: 10240`); a mapping as it is."""
    return value if isinstance(value, (dict, Params)) else {field: value}


_SIZE_SCHEMA = {"type": ["string", "integer"], "description": "a size: 4KiB, 2MiB, 1GiB, 64TiB, or bytes"}
_DURATION_SCHEMA = {"type": ["string", "integer"], "description": "a time: 250us, 20ms, 3s, 2m, 1h30m"}
_SHARE_SCHEMA = {"type": ["string", "number"], "description": "a share: 10% or 0.1"}

Size = Annotated[int, BeforeValidator(_size), WithJsonSchema(_SIZE_SCHEMA)]
"""Bytes, written `4KiB`."""
Duration = Annotated[int, BeforeValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""Nanoseconds, written `20ms`."""
Share = Annotated[int, BeforeValidator(_share), WithJsonSchema(_SHARE_SCHEMA)]
"""Parts per million, written `10%`."""

PositiveSize = Annotated[Size, Field(gt=0, le=MAX_SIZE_BYTES)]
"""Bytes of something that must not be empty."""
AnySize = Annotated[Size, Field(ge=0, le=MAX_SIZE_BYTES)]
"""Bytes, or none."""
Count = Annotated[int, Field(ge=1, le=MAX_COUNT)]
"""How many of something: one at least."""
