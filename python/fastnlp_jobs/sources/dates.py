"""Times as people see them under comments (`3天前`, `昨天 12:30·北京`, `2023-01-02`) into moments in UTC.

What cannot be known stays unknown: a time relative to now needs the moment the file was collected, and `01-02`
does not say its year.
"""

import datetime
import re
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_UTC = datetime.UTC
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=_UTC)
_SECOND = datetime.timedelta(seconds=1)
_DAY = datetime.timedelta(days=1)
_MICROSECOND = datetime.timedelta(microseconds=1)
_LAST = (datetime.datetime.max.replace(tzinfo=_UTC) - _EPOCH) // _MICROSECOND  # 0001-01-01 is a program's "no time"
_UNITS = {
    "秒": _SECOND,
    "分": 60 * _SECOND,
    "时": 3600 * _SECOND,
    "天": _DAY,
    "日": _DAY,
    "周": 7 * _DAY,
    "月": 30 * _DAY,  # what "3 months ago" means to the day is lost in the source
    "年": 365 * _DAY,
}
_DAYS_AGO = {"今天": 0, "昨天": 1, "前天": 2}
_CLOCK = r"(?:[ T]*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?)"
_EPOCH_NUMBER = re.compile(r"(?P<seconds>\d{10})(?P<milli>\d{3})?", re.ASCII)
_AGO = re.compile(r"(?P<count>\d{1,4}) *(?P<unit>秒|分|时|天|日|周|月|年)前", re.ASCII)
_NAMED_DAY = re.compile(rf"(?P<day>今天|昨天|前天)?{_CLOCK}?", re.ASCII)
_FULL_DATE = re.compile(rf"(?P<year>\d{{4}})[-/.年](?P<month>\d{{1,2}})[-/.月](?P<day>\d{{1,2}})日?{_CLOCK}?", re.ASCII)
_NO_YEAR = re.compile(rf"\d{{1,2}}[-/.月]\d{{1,2}}日?{_CLOCK}?", re.ASCII)
_FILLERS = str.maketrans("", "", "钟小个")  # 分钟前, 小时前, 个月前 read as 分前, 时前, 月前
_REGION_PREFIX = re.compile(r"^IP属地\s*[::：]?\s*")


class DateKind(StrEnum):
    """How a time was written, and so whether it can be known."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    UNRESOLVED = "relative without collected_at"
    YEAR_MISSING = "year missing"
    UNREADABLE = "unreadable"
    EMPTY = "empty"


class Date(NamedTuple):
    """A time cell: microseconds since 1970 in UTC, if known, and the region written behind a `·`."""

    kind: DateKind
    microseconds: int | None = None
    region: str | None = None


class DateReader:
    """Reads time cells of one file collection."""

    def __init__(self, timezone: ZoneInfo, collected_at: datetime.datetime | None) -> None:
        """`timezone` is that of times without one; `collected_at` is the "now" of relative times."""
        self.timezone = timezone
        if collected_at is not None and collected_at.tzinfo is None:
            collected_at = collected_at.replace(tzinfo=timezone)
        self.collected_at = collected_at

    def read(self, cell: str | None) -> Date:
        """Read one cell; never fails, `kind` says what it was."""
        written, _, region = (cell or "").partition("·")
        written = written.strip()
        if not written:
            return Date(DateKind.EMPTY, region=read_region(region))
        kind, moment = self._moment(written)
        if moment is None:
            return Date(kind, region=read_region(region))
        microseconds = (moment - _EPOCH) // _MICROSECOND
        if not 0 <= microseconds <= _LAST:
            return Date(DateKind.UNREADABLE, region=read_region(region))
        return Date(kind, microseconds, read_region(region))

    def _moment(self, written: str) -> tuple[DateKind, datetime.datetime | None]:
        try:
            moment = self._absolute(written)
            if moment is not None:
                return DateKind.ABSOLUTE, moment
            if _NO_YEAR.fullmatch(written):
                return DateKind.YEAR_MISSING, None
            return self._relative(written)
        except (ValueError, OverflowError):  # a 13th month, an hour 25, a year outside 1–9999
            return DateKind.UNREADABLE, None

    def _absolute(self, written: str) -> datetime.datetime | None:
        if number := _EPOCH_NUMBER.fullmatch(written):
            return _EPOCH + int(number["seconds"]) * _SECOND + int(number["milli"] or 0) * 1000 * _MICROSECOND
        if (moment := _iso(written)) is not None:
            return self._in_zone(moment)
        if full := _FULL_DATE.fullmatch(written):
            day = datetime.datetime(int(full["year"]), int(full["month"]), int(full["day"]))
            return self._in_zone(_at_clock(day, full))
        return None

    def _relative(self, written: str) -> tuple[DateKind, datetime.datetime | None]:
        ago = _AGO.fullmatch(written.translate(_FILLERS))
        day = _NAMED_DAY.fullmatch(written)
        if not (ago or day or written == "刚刚"):
            return DateKind.UNREADABLE, None
        if self.collected_at is None:
            return DateKind.UNRESOLVED, None
        if ago:
            return DateKind.RELATIVE, self.collected_at - int(ago["count"]) * _UNITS[ago["unit"]]
        if day:
            return DateKind.RELATIVE, self._in_zone(self._named_day(self.collected_at, day))
        return DateKind.RELATIVE, self.collected_at

    def _named_day(self, collected_at: datetime.datetime, day: re.Match[str]) -> datetime.datetime:
        today = collected_at.astimezone(self.timezone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        return _at_clock(today - _DAYS_AGO[day["day"] or "今天"] * _DAY, day)

    def _in_zone(self, moment: datetime.datetime) -> datetime.datetime:
        return moment if moment.tzinfo else moment.replace(tzinfo=self.timezone)


def known_timezone(name: str) -> str:
    """`name`, if it is one.

    Raises:
        ValueError: it is none.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("expected a time zone such as UTC, Europe/Paris or Asia/Shanghai") from error
    return name


def read_region(cell: str | None) -> str | None:
    """`IP属地：北京` as `北京`; None where nothing is left."""
    return _REGION_PREFIX.sub("", (cell or "").strip()) or None


def _iso(written: str) -> datetime.datetime | None:
    if written[4:5] != "-":
        return None
    try:
        return datetime.datetime.fromisoformat(written)
    except ValueError:
        return None


def _at_clock(day: datetime.datetime, found: re.Match[str]) -> datetime.datetime:
    if found["hour"] is None:
        return day
    return day.replace(hour=int(found["hour"]), minute=int(found["minute"]), second=int(found["second"] or 0))
