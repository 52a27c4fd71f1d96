"""Measure in Chromium how long a page takes to open, and how long its table of utterances takes to sort.

    python benchmarks/page.py results/miniature/index.html

The rows of the table are repeated until there are ``--rows`` of them, more than any test set of the paper has. Opening
is from the request to the moment at which all tables can be used. Printed are the least and the median of several
measurements; other load on the machine only adds to the least.
"""

import argparse
import json
import statistics
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/browser"))
from check_page import browser, opened

BEGIN, END = '<script type="application/json" id="utterances-data">', "</script>"
# The time of a sort with its drawing, in ms: the table is sorted by another column each time, so that nothing is kept.
SORT = """([column, direction]) => {
  const started = performance.now();
  window.tables.utterances.order([column, direction]).draw();
  document.body.offsetHeight;
  return performance.now() - started;
}"""
FILTER = """(word) => {
  const started = performance.now();
  window.tables.utterances.search(word).draw();
  document.body.offsetHeight;
  return performance.now() - started;
}"""


def with_rows(page: str, rows: int) -> str:
    """A page whose table of utterances has so many rows."""
    before, _, rest = page.partition(BEGIN)
    content, _, after = rest.partition(END)
    if not rest:
        raise SystemExit("error: this page has no table of utterances")
    table = json.loads(content)
    table["rows"] = list(islice(cycle(table["rows"]), rows))
    return before + BEGIN + json.dumps(table, ensure_ascii=False).replace("<", "\\u003c") + END + after


def measure(using: Browser, path: Path, repeats: int) -> dict[str, list[float]]:
    """Times in ms: until the page can be used; to sort by a number, by a text; to search."""
    found: dict[str, list[float]] = {}
    for repeat in range(repeats):
        with opened(using, path, 1400) as (page, _):
            ready = "performance.getEntriesByName('ready')[0].startTime"
            found.setdefault("open", []).append(page.evaluate(ready))
            for name, column in (("sort by a number", 11), ("sort by a text", 2)):
                for direction in ("asc", "desc"):
                    found.setdefault(name, []).append(page.evaluate(SORT, [column, direction]))
            found.setdefault("search", []).append(page.evaluate(FILTER, f"{repeat}"))
    return found


def main() -> None:
    """Measure the page as it is, and with many rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, help="index.html of a study of the miniature")
    parser.add_argument("--rows", type=int, default=23_000, help="rows of the table (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each (default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, browser() as using:
        large = Path(folder) / "index.html"
        large.write_text(with_rows(args.page.read_text(encoding="utf-8"), args.rows), encoding="utf-8")
        for name, path in (("as it is", args.page), (f"with {args.rows:,} utterances", large)):
            print(f"{name}, {path.stat().st_size / 1e6:.1f} MB, in ms:")
            for what, times in measure(using, path, args.repeats).items():
                print(f"  {what}: least {min(times):.0f}, median {statistics.median(times):.0f}")


if __name__ == "__main__":
    main()
