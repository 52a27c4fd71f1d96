"""How the C library handles freed memory."""

import ctypes

# Parameters of mallopt, malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_KEPT_BYTES = 2**31 - 1  # the largest value that mallopt accepts


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next allocations of this process; without glibc, do nothing.

    Every step frees and allocates tensors of up to a hundred megabytes. By default glibc returns that memory to the
    system: blocks above 32 MB always, because each of them is a mapping of its own. The system then provides it again
    page by page, and zeroes each page first. So no block is mapped on its own, and the heap is not trimmed
    (benchmarks/training_step.py measures what this saves).
    """
    options = getattr(ctypes.CDLL(None), "mallopt", None)
    if options is not None:
        options(_MMAP_MAX, 0)
        options(_TRIM_THRESHOLD, _KEPT_BYTES)
