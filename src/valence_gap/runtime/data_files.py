"""Tables and arrays, written as files that appear whole or not at all.

Separate from :mod:`valence_gap.runtime.files`, which Snakemake imports whenever it parses the workflow: numpy and
pandas are slow to import.
"""

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.runtime.files import atomic_file

ROWS_AT_ONCE = 4096


def read_reference(name: str, **options: Any) -> pd.DataFrame:
    """Read a table of published numbers, which is part of the package; ``options`` are those of ``pandas.read_csv``."""
    with resources.as_file(resources.files("valence_gap") / "reference" / name) as path:
        table: pd.DataFrame = pd.read_csv(path, **options)
    return table


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, without its index, numbers in full precision."""
    with atomic_file(path) as scratch:
        table.to_csv(scratch, index=False, lineterminator="\n")


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet, without its index."""
    with atomic_file(path) as scratch:
        table.to_parquet(scratch, index=False)


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array of at least one dimension as ``.npy``."""
    blocks = (array[start : start + ROWS_AT_ONCE] for start in range(0, len(array), ROWS_AT_ONCE))
    write_blocks(path, array.dtype, array.shape, blocks)


def write_blocks(path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...], blocks: Iterable[npt.NDArray[Any]]) -> None:
    """Write an array as ``.npy`` block by block: the memory use does not grow with the number of rows.

    A full disk raises an OSError here. With a memory-mapped file the process would end without a message, and numpy's
    own functions for writing lose the reason.

    Args:
        path: the file.
        dtype: of the array.
        shape: of the whole array.
        blocks: (rows, ...) each; together they contain the rows of the array, in order.

    Raises:
        ValueError: the blocks do not have this shape or dtype.
    """
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    rows = 0
    with atomic_file(path) as scratch, scratch.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for block in blocks:
            if block.shape[1:] != shape[1:] or block.dtype != dtype:
                raise ValueError(f"a block of {block.dtype} {block.shape} does not fit {np.dtype(dtype)} {shape}")
            rows += len(block)
            stream.write(np.ascontiguousarray(block).tobytes())
        if rows != shape[0]:
            raise ValueError(f"{rows} rows were written, expected {shape[0]}")


def read_array(path: Path) -> npt.NDArray[Any]:
    """Map a ``.npy`` file into memory, read-only."""
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
