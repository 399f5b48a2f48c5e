"""Times and like counts as pages show them."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.sources.dates import DateKind, DateReader, read_region
from fastnlp_jobs.sources.likes import read_likes

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime.datetime(2023, 5, 4, 8, 0, tzinfo=SHANGHAI)
READER = DateReader(SHANGHAI, NOW)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def moment(cell: str) -> str | None:
    """The moment in Shanghai, to the second."""
    found = READER.read(cell).microseconds
    if found is None:
        return None
    return f"{(EPOCH + datetime.timedelta(microseconds=found)).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("刚刚", "2023-05-04 08:00:00"),
        ("30秒前", "2023-05-04 07:59:30"),
        ("5分钟前", "2023-05-04 07:55:00"),
        ("5小时前·北京", "2023-05-04 03:00:00"),
        ("3天前", "2023-05-01 08:00:00"),
        ("2周前·北京", "2023-04-20 08:00:00"),
        ("1个月前", "2023-04-04 08:00:00"),
        ("2年前", "2021-05-04 08:00:00"),
        ("昨天 12:30", "2023-05-03 12:30:00"),
        ("昨天12:30·江苏", "2023-05-03 12:30:00"),
        ("前天", "2023-05-02 00:00:00"),
        ("今天 07:05", "2023-05-04 07:05:00"),
        ("07:05", "2023-05-04 07:05:00"),
        ("2023-01-02", "2023-01-02 00:00:00"),
        ("2023-1-2 3:04", "2023-01-02 03:04:00"),
        ("2023/01/02 03:04:05", "2023-01-02 03:04:05"),
        ("2023年1月2日 03:04", "2023-01-02 03:04:00"),
        ("2023-01-02T03:04:05+00:00", "2023-01-02 11:04:05"),
        ("2023-01-02T03:04:05.123456Z", "2023-01-02 11:04:05"),
        ("1672628645", "2023-01-02 11:04:05"),
        ("1672628645000", "2023-01-02 11:04:05"),
    ],
)
def test_a_written_time_is_this_moment(cell: str, expected: str) -> None:
    assert moment(cell) == expected


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("", DateKind.EMPTY),
        ("01-02", DateKind.YEAR_MISSING),
        ("01-02 12:30·四川", DateKind.YEAR_MISSING),
        ("1月2日", DateKind.YEAR_MISSING),
        ("2023-13-01", DateKind.UNREADABLE),
        ("2023-02-30", DateKind.UNREADABLE),
        ("昨天 25:00", DateKind.UNREADABLE),
        ("9999年前", DateKind.UNREADABLE),
        ("0001-01-01", DateKind.UNREADABLE),
        ("9999-12-31T23:59:59-05:00", DateKind.UNREADABLE),
        ("下周", DateKind.UNREADABLE),
        ("=HYPERLINK()", DateKind.UNREADABLE),
    ],
)
def test_what_a_cell_does_not_say_stays_unknown(cell: str, kind: DateKind) -> None:
    found = READER.read(cell)
    assert (found.kind, found.microseconds) == (kind, None)


def test_relative_times_need_the_moment_of_collection() -> None:
    assert DateReader(SHANGHAI, None).read("3天前").kind == DateKind.UNRESOLVED


def test_a_naive_collected_at_is_in_the_files_timezone() -> None:
    naive = DateReader(SHANGHAI, NOW.replace(tzinfo=None))
    assert naive.read("刚刚") == READER.read("刚刚")


@given(st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2100, 1, 1), timezones=st.just(datetime.UTC)))
def test_iso_times_come_back_to_the_microsecond(written: datetime.datetime) -> None:
    found = READER.read(written.isoformat()).microseconds
    assert found is not None
    assert EPOCH + datetime.timedelta(microseconds=found) == written


@given(st.text(max_size=20) | st.from_regex(r"[0-9年月日/.: -]{1,20}|[0-9]{1,5}(秒|分钟|小时|天|周|个月|年)前"))
def test_no_text_breaks_the_reader(cell: str) -> None:
    found = READER.read(cell)
    assert (found.microseconds is not None) == (found.kind in (DateKind.ABSOLUTE, DateKind.RELATIVE))


@pytest.mark.parametrize(
    ("cell", "region"),
    [
        ("IP属地：北京", "北京"),
        ("IP属地:广东", "广东"),
        ("上海", "上海"),
        ("IP属地：", None),
        ("  ", None),
        (None, None),
    ],
)
def test_a_region_is_read_without_its_prefix(cell: str | None, region: str | None) -> None:
    assert read_region(cell) == region


def test_a_region_may_stand_behind_the_time() -> None:
    assert READER.read("2周前·北京").region == "北京"
    assert READER.read("2周前").region is None


@pytest.mark.parametrize(
    ("cell", "likes"),
    [
        ("12", 12),
        ("1.2万", 12_000),
        ("1.23w", 12_300),
        ("10万+", 100_000),
        ("3亿", 300_000_000),
        ("2.5K", 2_500),
        ("3,456", 3_456),
        ("12.0", 12),
        ("赞", 0),
        ("", None),
        (None, None),
        ("-3", None),
        ("1.5", None),
        ("抢首赞", None),
        ("99999999999999999999", None),
    ],
)
def test_a_like_count_is_this_number(cell: str | None, likes: int | None) -> None:
    assert read_likes(cell) == likes


@given(st.integers(0, 2**63 - 1))
def test_whole_numbers_come_back(number: int) -> None:
    assert read_likes(str(number)) == read_likes(f" {number:,} ") == number


@given(st.text(max_size=30))
def test_no_text_breaks_the_like_count(cell: str) -> None:
    likes = read_likes(cell)
    assert likes is None or 0 <= likes < 2**63
