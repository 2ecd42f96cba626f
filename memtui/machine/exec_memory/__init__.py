"""Memory for code and what belongs to it: modules and BPF programs. One file per policy, rivals behind one Protocol.

A policy answers for what a load does to the direct map. `base.py` says what each must be able to
do; `module_alloc.py`, `packs.py`, `program_pages.py` and `rox_blocks.py` are the parts they are made of.
"""
