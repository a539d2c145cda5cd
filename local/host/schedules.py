"""NCRONTAB: when a timer is due.

Six fields (second, minute, hour, day, month, day of the week), all of which must match; with five the second is 0.
https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LARGEST_STEP = 999  # a step beyond the field's last value is legal and means its first value only
_LONGEST_GAP = timedelta(days=366 * 40)  # 29 February on a given day of the week, across a century


@dataclass(frozen=True)
class _Field:
    name: str
    first: int
    last: int
    words: tuple[str, ...] = ()

    def values(self, text: str) -> tuple[int, ...]:
        """The values that a field's text stands for, in order. Raises ValueError."""
        found = {value for part in text.split(",") for value in self._part(part)}
        return tuple(sorted(found))

    def _part(self, part: str) -> range:
        span, slash, step_text = part.partition("/")
        step = self._number(step_text, 1, _LARGEST_STEP) if slash else 1
        if span == "*":
            return range(self.first, self.last + 1, step)
        start_text, dash, stop_text = span.partition("-")
        start = self._value(start_text)
        end_text = stop_text if dash else str(self.last) if slash else start_text
        stop = self._value(end_text)
        if stop < start:
            raise ValueError(f"{self.name}: {span!r} runs backwards")
        return range(start, stop + 1, step)

    def _value(self, text: str) -> int:
        word = text.lower()
        if word in self.words:
            return self.words.index(word) + self.first
        return self._number(text, self.first, self.last)

    def _number(self, text: str, lowest: int, highest: int) -> int:
        if not (text.isascii() and text.isdecimal() and lowest <= int(text) <= highest):
            raise ValueError(f"{self.name}: {text!r} is not a number from {lowest} to {highest}")
        return int(text)


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 6, _WEEKDAYS),
)


class Schedule:
    """The times, in UTC and whole seconds, that an NCRONTAB expression stands for. Raises ValueError."""

    def __init__(self, expression: str) -> None:
        texts = expression.split()
        if len(texts) == len(_FIELDS) - 1:
            texts.insert(0, "0")
        if len(texts) != len(_FIELDS):
            raise ValueError(f"{expression!r} is not an NCRONTAB expression of six fields such as 0 0 3 * * *")
        values = [field.values(text) for field, text in zip(_FIELDS, texts, strict=True)]
        self._seconds, self._minutes, self._hours, *_ = values
        self._days, self._months, self._weekdays = (frozenset(some) for some in values[3:])
        self.after(datetime(2000, 1, 1, tzinfo=UTC))

    def after(self, moment: datetime) -> datetime:
        """Return the first time later than `moment` (UTC). Raises ValueError when there is none, ever."""
        for day in self._dates(moment):
            for time in self._times(day, moment):
                return time
        raise ValueError("the day never comes")

    def is_frequent(self, moment: datetime) -> bool:
        """Whether, from `moment` on, the next two times lie less than a minute apart."""
        first = self.after(moment)
        return self.after(first) - first < timedelta(minutes=1)

    def _dates(self, moment: datetime) -> Iterator[datetime]:
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        for offset in range(_LONGEST_GAP.days):
            day = midnight + timedelta(days=offset)
            if day.month in self._months and day.day in self._days and day.isoweekday() % 7 in self._weekdays:
                yield day

    def _times(self, day: datetime, moment: datetime) -> Iterator[datetime]:
        hours = (day.replace(hour=value) for value in self._hours)
        for hour in _ending_after(hours, moment, timedelta(hours=1)):
            minutes = (hour.replace(minute=value) for value in self._minutes)
            for minute in _ending_after(minutes, moment, timedelta(minutes=1)):
                seconds = (minute.replace(second=value) for value in self._seconds)
                yield from (second for second in seconds if second > moment)


def _ending_after(starts: Iterator[datetime], moment: datetime, length: timedelta) -> Iterator[datetime]:
    return (start for start in starts if start + length > moment)
