"""Compaction: two scanners, for a request that waits (direct), in the background (kcompactd), or by hand.

It moves pages between owners and charges the time that takes, so it stands above `physical/`,
whose allocator knows it only as a `Compactor` and a `Background` (`physical/costly.py`).
"""
