"""Snakemake's report in a real browser: every entry opens, without an error and without the network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.workflow import browser
from tests.workflow.browser import Page
from tests.workflow.command import smallest, snakemake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.program() is None, reason="Chromium is not installed (apt-get install chromium)"),
]

SETTING = {"dataset": "digits", "factor": 50, "backbone": "resnet32"}
SIMILAR = {**SETTING, "kind": "similarity", "title": 'Similar <!-- {digits} `a` \\ "b"', "method": "ce"}
SIMILAR |= {"head_rule": "top_k", "head_size": 3}
PAIRS = {**SETTING, "kind": "probabilities", "title": "True class", "panels": [{"left": "ce", "right": "mislas"}]}
# Two figures with one title, and several kinds in a category.
FIGURES = {"similar": SIMILAR, "again": SIMILAR, "pairs": PAIRS}
TINY = str(Path(__file__).with_name("tiny_reliability.yaml"))
# The links of the menu, and those beside the entries of a category: to see it, and to read about it.
MENU, ENTRIES, SWITCHES = "nav ul li a", "nav tbody tr", "nav fieldset input"


@pytest.fixture(scope="module")
def report(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the shared run, with figures of several kinds added."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("report") / "run")
    for name, figure in FIGURES.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(figure))
    smallest(folder, figures=[TINY, *(f"{name}.yaml" for name in FIGURES)])
    for more in ([], ["--report", "report.html"]):
        code, output = snakemake(folder, "--configfile", "mine.yaml", *more)
        assert code == 0, output
    return folder / "report.html"


@pytest.fixture
def page(report: Path, tmp_path: Path) -> Iterator[Page]:
    """The start page. After the test nothing was asked of the network, and the console is free of errors."""
    with browser.opened(report, tmp_path / "profile") as page:
        page.wait_until("document.querySelector('#rulegraph canvas, #rulegraph svg') != null")
        yield page
        assert page.errors == []
        assert [url[:100] for url in page.requests if not url.startswith(("file:", "data:"))] == []


def number(page: Page, selector: str) -> int:
    found: int = page.evaluate(f"document.querySelectorAll({selector!r}).length")
    return found


def click(page: Page, selector: str, place: int) -> None:
    page.evaluate(f"document.querySelectorAll({selector!r})[{place}].click()")


def texts(page: Page, selector: str) -> list[str]:
    found: list[str] = page.evaluate(f"[...document.querySelectorAll({selector!r})].map(e => e.innerText.trim())")
    return found


def home(page: Page) -> list[str]:
    """Go to the menu; its links."""
    click(page, "nav ol a", 0)
    return texts(page, MENU)


def assert_shown(page: Page) -> None:
    """A figure or a table is visible."""
    page.wait_until(
        "[...document.querySelectorAll('#app img')].some(i => i.src.startsWith('data:image/svg') && i.width > 200) "
        "|| [...document.querySelectorAll('iframe')].some(f => f.src.startsWith('data:text/html'))"
    )


def open_entries(page: Page) -> list[str]:
    """See every entry of a list, under every setting of its switches, and read about it; the titles."""
    for switch in range(number(page, SWITCHES)):
        click(page, SWITCHES, switch)
        for entry in range(number(page, ENTRIES)):
            click(page, f"{ENTRIES} a", 2 * entry)
            assert_shown(page)
    titles = texts(page, f"{ENTRIES} td:first-child")
    for entry, title in enumerate(titles):
        click(page, f"{ENTRIES} a", 2 * entry)
        assert_shown(page)
        click(page, f"{ENTRIES} a", 2 * entry + 1)
        about = page.evaluate("document.querySelector('nav').innerText")
        assert title in about
        assert all(head in about.upper() for head in ("DESCRIPTION", "JOB PARAMETERS"))
        # Settings are words, not escaped JSON.
        assert '\\"' not in about
        assert '{"' not in about
        click(page, "nav ol a", 2)
    return titles


def test_every_link_of_the_menu_opens(page: Page) -> None:
    menu = home(page)
    categories = menu[menu.index("About") + 1 :]
    assert categories == ["Calibration", "Data", "Features", "Tables", "Training"]
    found = {}
    for category in categories:
        click(page, MENU, home(page).index(category))
        found[category] = open_entries(page)

    assert len(found["Calibration"]) == 4
    assert {title.split("\N{WORD JOINER}")[0] for title in found["Features"]} == {"Similar <"}
    assert sorted(title.rsplit(" ", 1)[1] for title in found["Features"]) == [
        "(figures/similarity/again)",
        "(figures/similarity/similar)",
    ]
    click(page, MENU, home(page).index("Workflow"))
    page.wait_until("document.querySelector('#rulegraph canvas, #rulegraph svg') != null")
    click(page, MENU, home(page).index("Statistics"))
    page.wait_until("document.querySelector('#runtimes canvas, #runtimes svg') != null")
    click(page, MENU, home(page).index("About"))
    for package in range(number(page, MENU)):
        click(page, MENU, package)
        page.wait_until("document.querySelector('pre') != null")


def test_the_start_page_leads_to_every_table_and_figure(page: Page) -> None:
    titles = texts(page, ".prose a")
    assert titles[0] == "Two methods that run | one that does not, for Ba$$in & co"
    assert len(titles) == 1 + 4 + 1 + 2 + 2
    for place, title in enumerate(titles):
        page.evaluate("app.setView({content: 'rulegraph'})")
        click(page, ".prose a", place)
        assert_shown(page)
        assert title in page.evaluate("document.querySelector('nav').innerText")


@pytest.mark.parametrize("term", ["svg", "similar", "re:tables|curves"])
def test_what_is_found_opens(page: Page, term: str) -> None:
    page.evaluate(f"app.setView({{navbarMode: 'searchresults', searchTerm: {term!r}}})")
    for entry in range(number(page, ENTRIES)):
        click(page, f"{ENTRIES} a", 2 * entry)
        assert_shown(page)
    assert number(page, ENTRIES) >= 2
