"""HAR files: what Chromium recorded from the demo site, and files that are broken in the ways files are."""

import asyncio
import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.sources.demo_site.server import running_site
from fastnlp_jobs.sources.douyin.har import HarSource
from fastnlp_jobs.sources.douyin.har_entries import Span, entry_spans
from fastnlp_jobs.sources.live import Page, RawComment

VIDEO = "demo-site-v240"
ADDRESS = "https://www.douyin.com/aweme/v1/web/comment/list/?aweme_id=7123&cursor=0"


def answer(*texts: str, likes: int = 1) -> str:
    """A comment answer; the same text is the same comment."""
    comments = [{"cid": str(ord(text)), "text": text, "digg_count": likes, "user": {"uid": "9001"}} for text in texts]
    return json.dumps({"status_code": 0, "comments": comments, "cursor": 20, "has_more": 0})


def entry(
    body: str | None, *, second: int = 0, url: str = ADDRESS, status: int = 200, **content: Any
) -> dict[str, Any]:
    held = {"size": 1, "mimeType": "application/json", **content} | ({} if body is None else {"text": body})
    return {
        "startedDateTime": f"2026-01-01T00:00:{second:02d}.000Z",
        "request": {"method": "GET", "url": url, "headers": [{"name": "Cookie", "value": 'a="}]'}]},
        "response": {"status": status, "content": held},
    }


def har(*entries: dict[str, Any], **settings: Any) -> str:
    pages = [{"id": "page_1", "title": 'a "quoted" [title', "entries": [{"no": "entry"}]}]
    return json.dumps({"log": {"version": "1.2", "pages": pages, "entries": list(entries)}}, **settings)


Read = Callable[[], list[Page]]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Page]]:
    """`read("text of a HAR file", …)`: the pages of all of them."""

    def pages_of(*files: str | bytes) -> list[Page]:
        for number, content in enumerate(files):
            path = tmp_path / f"{number}.har"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return pages(tmp_path)

    return pages_of


def pages(source: Path) -> list[Page]:
    async def collect() -> list[Page]:
        found = HarSource(source, lambda *_, **__: None).pages(lambda _: None)
        return [page async for page in found]

    return asyncio.run(collect())


def comments(found: list[Page]) -> list[RawComment]:
    return [comment for page in found for comment in page.comments]


def texts(found: list[Page]) -> list[str]:
    return [comment.text for comment in comments(found)]


def reasons(found: list[Page]) -> list[str]:
    return [reason for page in found for reason in page.rejected]


def test_only_comment_answers_are_read(read: Any) -> None:
    other = entry('{"comment/list": 1}', url="https://www.douyin.com/aweme/v1/web/user/?of=comment/list")
    found = read(har(other, entry(answer("一", "二"))))
    assert texts(found) == ["一", "二"]
    assert {comment.thread_id for comment in comments(found)} == {"7123"}


def test_of_a_comment_in_several_files_the_latest_comes_last(read: Any) -> None:
    later, earlier = entry(answer("一", likes=9), second=30), entry(answer("一", "二"), second=10)
    assert [comment.likes for comment in comments(read(har(later), har(earlier)))] == [1, 1, 9]


def test_times_are_compared_across_time_zones(read: Any) -> None:
    in_china = {**entry(answer("早")), "startedDateTime": "2026-01-01T08:00:05+08:00"}
    assert texts(read(har(entry(answer("晚"), second=10), in_china))) == ["早", "晚"]


def test_a_copy_of_a_file_counts_once(read: Any) -> None:
    content = har(entry(answer("一")), entry(answer("二")))
    assert texts(read(content, content)) == ["一", "二"]


def test_each_file_is_a_stream_that_ends_with_its_last_answer(read: Any) -> None:
    first = har(entry(answer("一"), second=1), entry(answer("三"), second=3))
    found = read(first, har(entry(answer("二"), second=2)))
    assert [page.cursor is None for page in found] == [False, True, True]
    assert found[0].stream == found[2].stream != found[1].stream


def test_bodies_in_base64_and_gzip_are_unpacked(read: Any) -> None:
    plain = base64.b64encode(answer("一").encode()).decode()
    packed = base64.b64encode(gzip.compress(answer("二").encode())).decode()
    assert texts(read(har(entry(plain, encoding="base64"), entry(packed, encoding="base64", second=1)))) == ["一", "二"]


def test_a_body_that_was_not_saved_is_said_and_the_others_read(read: Any) -> None:
    found = read(har(entry(None), entry("", second=1), entry(answer("一"), second=2)))
    assert reasons(found) == ["its content was not saved with the HAR file"] * 2
    assert texts(found) == ["一"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (entry(answer("一")[:-9]), "the answer is no JSON"),
        (entry("<html>验证</html>"), "the answer is no JSON"),
        (entry(answer("一"), status=429), "the site answered 429"),
        (entry("a", encoding="base64"), "its content is no base64"),
        (entry(base64.b64encode(b"\x1f\x8b broken").decode(), encoding="base64"), "its gzip data is damaged"),
        (
            entry(base64.b64encode(gzip.compress(b"a" * (33 << 20))).decode(), encoding="base64"),
            "its gzip data is cut, or above 32 MB",
        ),
    ],
)
def test_an_answer_that_cannot_be_read_costs_itself_only(read: Any, broken: dict[str, Any], reason: str) -> None:
    found = read(har(broken, entry(answer("好"), second=1)))
    assert reasons(found) == [reason]
    assert texts(found) == ["好"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", 'expected a HAR file (JSON that begins with {"log": …), got something else'),
        ("<!doctype html>", 'expected a HAR file (JSON that begins with {"log": …), got something else'),
        ('{"log": {"pages": []}}', "expected a HAR file, got JSON without `log.entries`"),
        (har(entry(answer("一")))[:-40], "the file ends in the middle of its JSON; save it from the browser again"),
        (har(entry(answer("一")))[:-3], "the file ends in the middle of its JSON; save it from the browser again"),
        (har({**entry(answer("一")), "response": None}), "is none of a HAR file (TypeError); save it again"),
        (har(entry(answer("一"), url=ADDRESS.replace("comment", "video"))), "no comment answers in it; open your"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_name(read: Any, content: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        read(content)
    assert message in str(raised.value)
    assert str(raised.value).count("\n") == 0


def test_a_folder_without_har_files_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "comments.csv").touch()
    with pytest.raises(BadInput, match=r"found no file ending in \.har; open your browser's network tools"):
        pages(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.har: cannot read the file"):
        pages(tmp_path / "none.har")


async def record(program: Path, address: str, har: Path, content: Any) -> None:
    """Open a video as a person would, scroll to the end, open all replies, save the session."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program)
        context = await browser.new_context(record_har_path=har, record_har_content=content)
        page = await context.new_page()
        async with page.expect_response("**/comment/list/**"):
            await page.goto(address)
        while "没有更多" not in await page.locator("#state").inner_text():
            async with page.expect_response("**/comment/list/?**"):
                await page.mouse.wheel(0, 20_000)
            await page.wait_for_function("document.getElementById('state').textContent !== '加载中'")
        while await (buttons := page.locator("button.more-replies")).count():
            async with page.expect_response("**/comment/list/reply/**"):
                await buttons.first.click()
            await page.wait_for_function("!document.querySelector('button.more-replies:disabled')")
        await context.close()
        await browser.close()


@pytest.mark.parametrize("content", ["embed", "omit"])
def test_what_chromium_recorded_holds_every_comment_if_it_was_saved_with_content(
    require: Callable[[str], Path], tmp_path: Path, content: str
) -> None:
    with running_site() as site:
        asyncio.run(record(require("chromium"), f"{site.url}/video/{VIDEO}", tmp_path / "a.har", content))
        posts = {post.id for post in site.content.videos[VIDEO].posts}
    found = pages(tmp_path)
    assert {comment.id for comment in comments(found)} == (posts if content == "embed" else set())
    assert set(reasons(found)) == (set() if content == "embed" else {"its content was not saved with the HAR file"})
    assert len(posts) > 50


@pytest.mark.parametrize("settings", [{}, {"indent": 2}, {"ensure_ascii": False}, {"separators": (",", ":")}])
@pytest.mark.parametrize("chunk_bytes", [1, 2, 7, 4096])
def test_entries_are_found_wherever_the_chunks_end(settings: dict[str, Any], chunk_bytes: int, tmp_path: Path) -> None:
    entries = [entry('\\"}]{ "entries": [{', second=1), entry("\\"), entry(answer("一"), text='"\\\\"')]
    path = tmp_path / "a.har"
    path.write_text(har(*entries, **settings), encoding="utf-8")
    with path.open("rb") as handle:
        found = [_decoded(path, span) for span in entry_spans(handle, "a.har", chunk_bytes)]
    assert found == entries


def _decoded(path: Path, span: Span) -> Any:
    return json.loads(path.read_bytes()[span.start : span.start + span.length])
