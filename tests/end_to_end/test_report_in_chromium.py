"""The report in a real browser: silent, offline, quick, harmless, and usable with finger and mouse."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, sync_playwright
from tests.jobs.calls import write_candidates
from tests.jobs.corpora import review, reviews, write_run

from fastnlp_jobs.execution import execute
from fastnlp_jobs.jobs.report import Config

HOSTILE = "<script>alert(1)</script>"
PHONE = {"width": 390, "height": 844}
LARGEST_BYTES = 15_000_000
OPENS_WITHIN_S = 2.0


class Visit:
    """An open page, and what it said or asked for on the way."""

    def __init__(self, context: BrowserContext, html: Path) -> None:
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.address = html.as_uri()
        self.page.goto(self.address, wait_until="load")

    def _dismiss(self, dialog: Dialog) -> None:
        self.messages.append(dialog.message)
        dialog.dismiss()

    def read_to_the_end(self) -> None:
        """Bring every chart to the screen, and wait until it is drawn."""
        for chart in self.page.locator(".plot").all():
            chart.scroll_into_view_if_needed()
            chart.locator("svg.main-svg").first.wait_for()

    def cells(self, table: str, column: int) -> list[str]:
        """The visible cells of a column, as shown."""
        rows = self.page.locator(f"#table-{table} tbody tr:visible")
        return rows.locator(f"td:nth-child({column})").all_inner_texts()

    def sort(self, table: str, column: int) -> None:
        self.page.locator(f"#table-{table} th:nth-child({column}) button").click()


@pytest.fixture(scope="module")
def browser(require: Callable[[str], Path]) -> Iterator[Browser]:
    """Debian's Chromium; without its sandbox, which containers do not allow."""
    chromium = str(require("chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which every tenth comment tries to run a script from each of its fields."""
    folder = tmp_path_factory.mktemp("run")
    rows = reviews(2000)
    attack = dict.fromkeys(("thread_id", "region", "author", "text", "clean", "label"), HOSTILE)
    formula = {"thread_id": "=1+1", "region": "@SUM(A1)", "label": "差评"}
    for number in range(0, len(rows), 10):
        rows[number] = review(number, **attack, tokens=[HOSTILE, "房间"])
        rows[number + 1] |= formula
    return written(folder, {**write_run(folder, rows), "augmented": augment(folder)})


def augment(folder: Path) -> Path:
    """Samples for the class with the hostile name, hostile themselves; Playwright's loop runs in this process."""
    texts = [f"{HOSTILE} {' '.join(words)}" for words in itertools.permutations(("room", "bed", "view", "quiet"), 3)]
    candidates = write_candidates(folder / "candidates.jsonl", {HOSTILE: texts})
    values = {"input": folder / "documents", "output": folder / "augmented", "candidates": candidates}
    settings = {"prompt": {"language": "en"}, "gates": {"classifier_top": 0}, "targets": {"classes": {HOSTILE: 9999}}}
    config = json.dumps({**values, **settings}, default=str)
    command = [sys.executable, "-m", "fastnlp_jobs", "augment", "--config", "-"]
    subprocess.run(command, input=config.encode(), check=True, capture_output=True)
    return folder / "augmented"


def written(folder: Path, folders: dict[str, Path]) -> Path:
    config = Config(**folders, output=folder / "report", title=f"Reviews {HOSTILE}")
    execute("report", config)
    return config.output / "report.html"


@pytest.fixture
def visit(browser: Browser, html: Path) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield Visit(context, html)
    context.close()


def test_it_says_nothing_and_asks_nobody(visit: Visit) -> None:
    visit.read_to_the_end()
    outside = [url for url in visit.requests if url != visit.address and not url.startswith(("data:", "blob:"))]
    assert visit.messages == []
    assert outside == []


def test_it_opens_in_two_seconds(browser: Browser, html: Path) -> None:
    assert seconds_to_open(browser, html) < OPENS_WITHIN_S


def test_a_script_in_a_comment_is_a_text(visit: Visit) -> None:
    visit.read_to_the_end()
    assert visit.page.locator("h1").inner_text() == f"Reviews {HOSTILE}"
    for table in ("thread", "region", "emote", "balance"):  # a token that begins with a sign counts as an emote
        assert HOSTILE in visit.cells(table, 1)
    assert visit.messages == []


def test_numbers_sort_as_numbers(visit: Visit) -> None:
    visit.sort("keyness", 5)
    falling = [float(cell.replace(",", "").replace("−", "-")) for cell in visit.cells("keyness", 5)]
    visit.sort("keyness", 5)
    rising = [float(cell.replace(",", "").replace("−", "-")) for cell in visit.cells("keyness", 5)]
    assert falling == sorted(falling, reverse=True)
    assert rising == sorted(rising)
    assert min(rising) < 10 < 100 < max(rising)  # as texts, 100 would stand before 9


def test_a_filter_leaves_the_rows_that_hold_every_word(visit: Visit) -> None:
    visit.page.locator("#table-rules input").fill("味道 早餐")
    assert visit.cells("rules", 1) == ["味道"]
    assert visit.cells("rules", 2) == ["早餐"]
    assert visit.page.locator("#table-rules .matches").inner_text() == "1 of 40 match. "


def test_a_saved_table_runs_no_formula(visit: Visit) -> None:
    saved = {}
    for table in ("thread", "region"):
        with visit.page.expect_download() as download:
            visit.page.locator(f"#table-{table} .csv").click()
        saved[table] = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert saved["thread"].splitlines()[0] == '"Thread","Documents","Share"'
    assert '"\'=1+1",' in saved["thread"]
    assert '"\'@SUM(A1)",' in saved["region"]


def test_charts_follow_the_theme(visit: Visit) -> None:
    visit.read_to_the_end()
    before = ink_and_ground(visit.page)
    visit.page.locator("#theme").click()
    after = ink_and_ground(visit.page)
    assert before != after
    assert visit.page.locator("#chart-word .ytick text").first.evaluate("text => text.style.fill") == after[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(browser: Browser, html: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two it takes
    page = Visit(context, html).page
    for selector in ("main li", ".note", ".tiles dt", "th button", "td", "nav a", "figcaption p", "summary"):
        assert contrast(page, selector) >= 4.5, selector
    context.close()


def test_a_phone_scrolls_down_and_never_sideways(browser: Browser, html: Path) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)  # type: ignore[arg-type]  # a plain dict will do
    visit = Visit(context, html)
    visit.read_to_the_end()
    width = visit.page.evaluate("document.documentElement.scrollWidth")
    buttons_over_charts = visit.page.locator(".modebar-btn").count()
    context.close()
    assert width == PHONE["width"]
    assert buttons_over_charts == 0


def test_paper_holds_the_first_rows_of_a_table_and_says_where_the_rest_is(visit: Visit) -> None:
    visit.page.emulate_media(media="print")
    table = visit.page.locator("#table-rules")
    assert table.locator("tbody tr:visible").count() == 30
    expected = "Printed: the first 30 of 40 rows; the whole table is in patterns/rules.parquet."
    assert table.locator(".printed").inner_text() == expected


def test_a_page_that_was_dark_and_wide_is_printed_light_and_narrow(visit: Visit) -> None:
    visit.page.locator("#theme").click()
    on_screen = ink_and_ground(visit.page)
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    on_paper = ink_and_ground(visit.page)
    widths = visit.page.locator(".plot .main-svg").evaluate_all("all => all.map(svg => svg.getAttribute('width'))")
    visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert on_paper[1] == "rgb(246, 247, 249)" != on_screen[1]
    assert set(widths) == {"620"}
    assert ink_and_ground(visit.page) == on_screen


def test_it_reads_without_scripts(browser: Browser, html: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = Visit(context, html).page
    assert page.locator("#table-rules tbody tr").count() == 40
    context.close()


def test_the_report_of_200_000_comments_is_small_and_quick(browser: Browser, tmp_path: Path) -> None:
    html = written(tmp_path, write_run(tmp_path, reviews(200_000)))
    assert html.stat().st_size <= LARGEST_BYTES
    assert seconds_to_open(browser, html) < OPENS_WITHIN_S


def seconds_to_open(browser: Browser, html: Path) -> float:
    """Processor seconds of the page's thread until it stands there: other work on this machine does not count."""
    context = browser.new_context()
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})
    devtools.send("Performance.enable")
    page.goto(html.as_uri(), wait_until="load")
    metrics = {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}
    context.close()
    return float(metrics["TaskDuration"])


def ink_and_ground(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
    )
    return found


def contrast(page: Page, selector: str) -> float:
    """Contrast ratio of a text and the ground behind it (WCAG 2.2)."""
    colours = page.locator(selector).first.evaluate(
        """element => {
          let ground = element;
          while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
          return [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
        }"""
    )
    lighter, darker = sorted((luminance(colour) for colour in colours), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`."""
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
