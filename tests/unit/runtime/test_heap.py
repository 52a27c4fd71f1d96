"""Memory that is freed and asked for again."""

import ctypes
import subprocess
import sys

import pytest

CODE = """
import resource, sys
import numpy as np
from valence_gap.runtime.heap import keep_freed_memory

def use():
    kept = [np.ones(5 * 1024**2, np.float32) for _ in range(8)]  # 20 MiB each: by default too much to keep
    kept.clear()

if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(3):  # the C library learns from what is freed
    use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_asked_for_again(mode: str) -> int:
    return int(subprocess.run([sys.executable, "-c", CODE, mode], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_freed_memory_is_kept_for_what_is_asked_for_next() -> None:
    assert pages_asked_for_again("keep") < pages_asked_for_again("return") / 100
