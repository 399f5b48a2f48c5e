"""Videos named by id or address."""

import pytest
from pydantic import ValidationError

from fastnlp_jobs.sources.douyin.config import DouyinConfig


@pytest.mark.parametrize(
    "written",
    [
        "7123",
        "https://www.douyin.com/video/7123",
        "https://www.douyin.com/video/7123/?previous_page=app",
        "https://www.douyin.com/note/7123",
        "https://www.douyin.com/discover?modal_id=7123",
    ],
)
def test_a_video_is_named_by_its_id_or_an_address(written: str) -> None:
    assert DouyinConfig(videos=(written,)).videos == ("7123",)


@pytest.mark.parametrize(
    "written",
    [
        "https://v.douyin.com/abc/",
        "https://elsewhere.example/video/7123",
        "http://www.douyin.com/video/7123",
        "file:///etc/passwd",
        "../7123",
        "",
    ],
)
def test_what_names_no_video_of_the_site_is_refused(written: str) -> None:
    with pytest.raises(ValidationError, match="expected the id of a video or an address such as"):
        DouyinConfig(videos=(written,))


def test_a_video_named_twice_is_opened_once() -> None:
    assert DouyinConfig(videos=("7123", "https://www.douyin.com/video/7123")).videos == ("7123",)


@pytest.mark.parametrize("site", ["www.douyin.com", "https://www.douyin.com/", "ftp://a.example", "https://u@"])
def test_a_site_is_scheme_and_host(site: str) -> None:
    with pytest.raises(ValidationError, match="expected scheme and host"):
        DouyinConfig(site=site, videos=("7123",))
