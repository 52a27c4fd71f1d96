"""How the C library handles freed memory."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_KEPT_BYTES = 512 * 1024**2
_MAPPED_BYTES = 32 * 1024**2  # the largest value that glibc accepts


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next allocations of this process; without glibc, do nothing.

    Every step frees and allocates tensors of several megabytes. By default glibc returns much of that memory to the
    system. The system then provides it again page by page, and zeroes each page first. This makes a training step on
    one CPU thread up to a sixth slower (benchmarks/training_step.py). The peak memory use is the same.
    """
    options = getattr(ctypes.CDLL(None), "mallopt", None)
    if options is not None:
        options(_MMAP_THRESHOLD, _MAPPED_BYTES)
        options(_TRIM_THRESHOLD, _KEPT_BYTES)
