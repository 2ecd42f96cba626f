"""`page_cache`: ordinary files are read and written, and stay cached until memory runs short."""

from __future__ import annotations

from pydantic import Field

from memtui.workloads.params import Params, PositiveSize, Share


class PageCacheParams(Params):
    """Pages of ordinary files: movable, and given up when memory runs short."""

    size: PositiveSize = Field(description="bytes of file data brought into the cache")
    dirty: Share = Field(default=0, description="share of it that is dirty: written back before it can be dropped")
