"""`end`: what a labelled entry made is given back."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from memtui.workloads.params import Params, short_form


class EndParams(Params):
    """The label of an earlier entry; always written short: `end: keys`."""

    label: str = Field(min_length=1, description="label of the entry to end")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return short_form(value, "label")
