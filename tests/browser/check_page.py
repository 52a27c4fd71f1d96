"""Check the page of a study in a real browser: ``python tests/browser/check_page.py results/miniature/index.html``.

The page must load without an error and without a request to the network, show what the files beside it contain, and be
usable at the width of a phone, a tablet and a desktop. ``--screenshots DIR`` also takes pictures, light and dark.
"""

import argparse
import base64
import json
import math
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, TimeoutError, sync_playwright

WIDTHS = (390, 820, 1400)
HEIGHT = 900
LOAD_MS = 60_000  # patience, not a requirement: benchmarks/page.py measures the time
EVENTUALLY_MS = 5_000
PLAYED_S = 0.2


def chromium() -> str | None:
    """The path of Chromium, or None if it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window, which may play sound without a click."""
    with sync_playwright() as started:
        options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        found = started.chromium.launch(executable_path=chromium(), args=options)
        try:
            yield found
        finally:
            found.close()


@contextmanager
def opened(using: Browser, path: Path, width: int, scheme: str = "light") -> Iterator[tuple[Page, list[str]]]:
    """The page in a window of a width, and what has gone wrong so far: errors, and requests that leave the machine."""
    context = using.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, offline=True)
    page, wrong = context.new_page(), list[str]()

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            wrong.append(f"console: {message.text}")

    def on_request(request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")) and request.url.partition("#")[0] != path.resolve().as_uri():
            wrong.append(f"request: {request.url[:200]}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("request", on_request)
    page.goto(path.resolve().as_uri(), timeout=LOAD_MS)
    page.wait_for_selector("html[data-ready=true]", timeout=LOAD_MS, state="attached")
    try:
        yield page, wrong
    finally:
        context.close()


def check(path: Path, screenshots: Path | None = None, widths: Sequence[int] = WIDTHS) -> list[str]:
    """Everything that is wrong with a page at some widths; empty if nothing is."""
    wrong: list[str] = []
    with browser() as using:
        for width in widths:
            with opened(using, path, width) as (page, found):
                found += [*_layout(page), *_images(page), *_contents(page, path.parent), *_tables(page, path.parent)]
                found += [*_players(page), *_keyboard(page), *_theme(page)]
            wrong += [f"width {width}: {each}" for each in found]
            if screenshots:
                for scheme in ("light", "dark"):
                    with opened(using, path, width, scheme) as (page, _):
                        page.screenshot(path=screenshots / f"{width}-{scheme}.png", full_page=True)
    return wrong


def _layout(page: Page) -> Iterator[str]:
    """Nothing is wider than the window, except in areas that can be scrolled."""
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wider > 0:
        yield f"the page is {wider} pixels wider than the window"


def eventually(page: Page, condition: str) -> bool:
    """Whether a condition in JavaScript becomes true."""
    try:
        page.wait_for_function(condition, timeout=EVENTUALLY_MS)
    except TimeoutError:
        return False
    return True


def _images(page: Page) -> Iterator[str]:
    script = "nodes => nodes.filter(n => !(n.complete && n.naturalWidth > 0 && n.alt)).map(n => n.alt || 'no alt text')"
    for each in page.eval_on_selector_all("img", script):
        yield f"image not loaded, or without alt text: {each}"


def _contents(page: Page, folder: Path) -> Iterator[str]:
    """The figures are those beside the page, and the files to download have their content."""
    figures = sorted(each.stem for each in (folder / "figures").glob("figure_*.png"))
    shown = page.eval_on_selector_all("#figures article img", "nodes => nodes.map(n => n.closest('article').id)")
    if sorted(shown) != figures:
        yield f"figures {shown}, but the folder has {figures}"
    downloads = page.eval_on_selector_all("a.download", "nodes => nodes.map(n => [n.download, n.href])")
    for name, address in downloads:
        found = [each for each in folder.rglob(name) if each.parent.name in ("figures", "tables", folder.name)]
        content = base64.b64decode(address.partition("base64,")[2])
        if not found or all(each.read_bytes() != content for each in found):
            yield f"{name}: the download differs from the file"
    if (folder / "figures/figure_02.csv").is_file():
        yield from _grid(page, pd.read_csv(folder / "figures/figure_02.csv"))


def _grid(page: Page, table: pd.DataFrame) -> Iterator[str]:
    """Three CCCs of Figure 2 stand in the table of the answer."""
    text = page.inner_text("#answer .scroll")
    for row in table.iloc[[0, len(table) // 2, -1]].itertuples():
        if decimal(row.ccc) not in text:
            yield f"the answer lacks {decimal(row.ccc)}, {row.model} on {row.corpus} in {row.dimension}"


def decimal(value: float, digits: int = 2) -> str:
    """A number as the page writes it: −.28."""
    text = f"{abs(value):.{digits}f}"
    return ("−" if value < 0 and float(text) else "") + text.removeprefix("0" if text.startswith("0.") else "")


def _tables(page: Page, folder: Path) -> Iterator[str]:
    names = page.evaluate("Object.keys(window.tables)")
    for name in ("claims", "scores"):
        if (folder / f"{name}.csv").is_file() != (name in names):
            yield f"the table {name} does not fit {name}.csv"
    if "claims" in names:
        yield from _claims(page, pd.read_csv(folder / "claims.csv"))
    if "scores" in names:
        yield from _numbers(page, "scores", "mean", pd.read_csv(folder / "scores.csv")["mean"].tolist())
    if "utterances" in names:
        content = json.loads((folder / "page/utterances.json").read_text())
        index = content["columns"].index("predicted_valence")
        yield from _numbers(page, "utterances", "predicted_valence", [row[index] for row in content["rows"]])
        yield from _predictions(page, content, folder, index)


def _rows(page: Page, name: str) -> int:
    return int(page.evaluate(f"window.tables.{name}.rows({{search: 'applied'}}).count()"))


def _numbers(page: Page, name: str, column: str, values: list[float | None]) -> Iterator[str]:
    """A table has all rows, and three of its values are those given; a click on a head sorts it; a word filters it."""
    if _rows(page, name) != len(values):
        yield f"{name}: {_rows(page, name)} rows, expected {len(values)}"
    given = page.evaluate(f"window.tables.{name}.column('{column}:name', {{order: 'index'}}).data().toArray()")
    for index in (0, len(values) // 2, len(values) - 1):
        if given[index] != values[index] and not math.isclose(given[index], values[index] or 0.0):
            yield f"{name}: {given[index]} in row {index}, expected {values[index]}"
    known = [value for value in values if value is not None]
    position = page.evaluate(f"window.tables.{name}.column('{column}:name').index()")
    head = page.locator(f"#{name}-table thead th[data-dt-column='{position}']")
    for pick in (min, max):
        head.locator(".dt-column-title").click()  # DataTables sorts a moment later
        first = (
            f"window.tables.{name}.column('{column}:name', {{order: 'applied'}}).data().toArray().find(v => v !== null)"
        )
        if not eventually(page, f"{first} === {json.dumps(pick(known))}"):
            yield f"{name}: sorting by column {column} does not begin with {pick(known)}, but {page.evaluate(first)}"
    yield from _filters(page, name, len(values))


def _filters(page: Page, name: str, whole: int) -> Iterator[str]:
    select = page.locator(f"select[data-table={name}]").first
    options = select.locator("option").evaluate_all("nodes => nodes.map(n => n.value).filter(v => v)")
    counts = []
    for option in options:
        select.select_option(option)
        counts.append(_rows(page, name))
    select.select_option("")
    if sum(counts) != whole or _rows(page, name) != whole:
        yield f"{name}: the filter gives {dict(zip(options, counts, strict=True))} of {whole} rows"
    search = page.locator(f"#{name} input[type=search]")
    for words, count in (("no row has these words", 0), ("", whole)):
        search.fill(words)
        if not eventually(page, f"window.tables.{name}.rows({{search: 'applied'}}).count() === {count}"):
            yield f"{name}: a search for {words!r} leaves {_rows(page, name)} rows, expected {count}"


def _claims(page: Page, table: pd.DataFrame) -> Iterator[str]:
    """The table has all claims; each verdict can be filtered; three estimates equal those of claims.csv."""
    yield from _numbers(
        page, "claims", "estimate", table["estimate"].astype(object).where(table["estimate"].notna(), None).tolist()
    )
    for verdict, rows in table.groupby("verdict"):
        page.locator("select[data-table=claims][data-column=verdict]").select_option(str(verdict))
        if _rows(page, "claims") != len(rows):
            yield f"claims: {_rows(page, 'claims')} are {verdict}, expected {len(rows)}"
    page.locator("select[data-table=claims][data-column=verdict]").select_option("")
    page.evaluate("window.tables.claims.order([]).page.len(-1).draw()")
    body = page.inner_text("#claims-table tbody")
    known = table.dropna(subset=["estimate"])
    for row in known.iloc[[0, len(known) // 2, -1]].itertuples() if len(known) else ():
        if row.claim not in body or decimal(row.estimate, 3) not in body:
            yield f"claims: {row.id} with {decimal(row.estimate, 3)} is not shown"
    page.evaluate("window.tables.claims.page.len(10).draw()")


def _predictions(page: Page, content: dict[str, Any], folder: Path, index: int) -> Iterator[str]:
    """Three predictions in the table of utterances are those of the model, where its files are still there."""
    columns = content["columns"]
    for row in (content["rows"][0], content["rows"][len(content["rows"]) // 2], content["rows"][-1]):
        corpus, identifier = row[columns.index("corpus")], row[columns.index("id")]
        path = folder / f"predictions/{content['model']}/seed-{content['seed']}/{corpus}/clean.parquet"
        if path.is_file():
            table = pd.read_parquet(path).set_index("id")
            if not math.isclose(table.loc[identifier, "valence"], row[index], abs_tol=1e-4):
                yield f"utterances: the prediction of {identifier} differs from {path}"


def _players(page: Page) -> Iterator[str]:
    """The first and the last player play; so does the button of an utterance."""
    players = page.locator("audio")
    stop = "setTimeout(() => { n.pause(); done(n.currentTime); }, 500)"
    playing = f"async n => {{ await n.play(); return new Promise(done => {stop}); }}"
    for index in sorted({0, players.count() - 1}) if players.count() else ():
        if players.nth(index).evaluate(playing) < PLAYED_S:
            yield f"player {index} does not play"
    if players.count() and page.evaluate("'utterances' in window.tables"):
        page.evaluate("window.tables.utterances.order([0, 'desc']).draw()")
        button = page.locator("button[data-player]").first
        button.click()
        name = button.get_attribute("data-player")
        if not eventually(page, f"document.getElementById('{name}').currentTime > 0"):
            yield "the button of an utterance does not play it"


def _keyboard(page: Page) -> Iterator[str]:
    """The Tab key first reaches the skip link, which leads to the content; wide tables can be scrolled by keys."""
    page.evaluate("location.hash = ''; document.activeElement.blur(); getSelection().removeAllRanges()")
    page.locator(".skip").focus()
    page.keyboard.press("Shift+Tab")
    if page.evaluate("document.body.contains(document.activeElement) && document.activeElement !== document.body"):
        yield "something comes before the skip link in the order of the Tab key"
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    if page.evaluate("location.hash") != "#main":
        yield "the skip link does not lead to the content"
    if page.locator(".scroll:not([tabindex='0'])").count():
        yield "a wide table cannot be reached by the Tab key"


def _theme(page: Page) -> Iterator[str]:
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(colour)
    page.locator("#theme").click()
    if page.evaluate(colour) == before:
        yield "the switch does not change between light and dark"
    page.locator("#theme").click()


def main() -> int:
    """Check the pages that the command line names; 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path, metavar="index.html")
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="also take pictures, and write them there")
    args = parser.parse_args()
    if chromium() is None:
        parser.error("Chromium is not installed; on Debian: apt-get install chromium")
    if args.screenshots:
        args.screenshots.mkdir(parents=True, exist_ok=True)
    wrong = {path: check(path, args.screenshots) for path in args.pages}
    for path, found in wrong.items():
        print(f"{path}: {'ok' if not found else f'{len(found)} problems'}", *found, sep="\n  ")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
