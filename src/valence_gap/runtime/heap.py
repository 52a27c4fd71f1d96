"""What the C library does with memory that is given back to it."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_KEPT_BYTES = 512 * 1024**2
_MAPPED_BYTES = 32 * 1024**2  # the most that glibc takes


def keep_freed_memory() -> None:
    """Have glibc keep what this process frees for what it asks for next; elsewhere nothing happens.

    Tensors are freed and asked for by the megabyte in every step. By default much of that memory goes back to the
    system and comes again page by page, each of which is zeroed first: a training step on one CPU thread then takes up
    to a sixth longer (benchmarks/training_step.py). The highest use of memory is the same.
    """
    options = getattr(ctypes.CDLL(None), "mallopt", None)
    if options is not None:
        options(_MMAP_THRESHOLD, _MAPPED_BYTES)
        options(_TRIM_THRESHOLD, _KEPT_BYTES)
