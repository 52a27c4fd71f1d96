"""The page of an invented study in a real browser. ``check_page.py`` also checks the page of any real study."""

import base64
import shutil
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the package playwright is not installed")
import check_page
from page_data import write_study

pytestmark = pytest.mark.skipif(
    check_page.chromium() is None, reason="Chromium is not installed (apt-get install chromium)"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an invented study of the miniature, with figures, tables, claims, scores, utterances and audio."""
    return write_study(tmp_path_factory.mktemp("results") / "invented")


def test_the_page_works_at_all_widths(page: Path) -> None:
    assert check_page.check(page) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("<main id=", '<img src="https://example.org/a.png" alt="x"><main id=', "request: https://example.org/a.png"),
        ("<main id=", "<script>undefined_name</script><main id=", "error: undefined_name is not defined"),
        ("<main id=", '<div style="width: 3000px">wide</div><main id=', "pixels wider than the window"),
        ('class="scroll"', 'class="scroll" data-x tabindex="-1"', "cannot be reached by the Tab key"),
        ('<img src="data:image/png;base64,iVBOR', '<img src="data:image/png;base64,AAAAA', "image not loaded"),
        ("0.1234", "0.4321", "claims: 0.4321 in row 0, expected 0.1234"),
    ],
)
def test_the_check_finds_what_is_wrong(page: Path, tmp_path: Path, old: str, new: str, problem: str) -> None:
    copy = tmp_path / "study"
    shutil.copytree(page.parent, copy)
    text = page.read_text(encoding="utf-8")
    assert old in text
    (copy / "index.html").write_text(text.replace(old, new, 1), encoding="utf-8")
    assert problem in "\n".join(check_page.check(copy / "index.html", widths=(820,)))


def test_the_check_compares_downloads_with_the_files(page: Path, tmp_path: Path) -> None:
    copy = tmp_path / "study"
    shutil.copytree(page.parent, copy)
    (copy / "figures/figure_02.csv").write_text((copy / "figures/figure_02.csv").read_text() + "\n")
    found = check_page.check(copy / "index.html", widths=(820,))
    assert any("figure_02.csv: the download differs from the file" in each for each in found)


def test_a_page_follows_the_colours_of_the_system(page: Path) -> None:
    with check_page.browser() as using:
        colours = []
        for scheme in ("light", "dark"):
            with check_page.opened(using, page, 820, scheme) as (window, _):
                colours.append(window.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] == "rgb(255, 255, 255)"
    assert colours[1] != colours[0]


def test_the_markup_of_a_transcript_is_shown_as_text(page: Path) -> None:
    with check_page.browser() as using, check_page.opened(using, page, 1400) as (window, wrong):
        assert "What <b>was</b> said." in window.inner_text("#utterances-table tbody")
        assert window.locator("#utterances-table b").count() == 0
        assert wrong == []


def test_a_downloaded_table_is_the_file(page: Path) -> None:
    with check_page.browser() as using, check_page.opened(using, page, 1400) as (window, _):
        address = window.locator("a.download[download='scores.csv']").get_attribute("href") or ""
    assert base64.b64decode(address.partition("base64,")[2]) == (page.parent / "scores.csv").read_bytes()
