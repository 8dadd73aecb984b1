"""`schedule:` expressions: five fields, POSIX cron as GitHub takes it, in UTC, to the minute.

A field is `*`, a number or name, a range `a-b`, a step `…/n`, or a list of these. When both day fields are
restricted, a day matches that fits either (crontab(5)).
"""

from dataclasses import dataclass
from datetime import datetime

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (("minute", 0, 59, ()), ("hour", 0, 23, ()), ("day of the month", 1, 31, ()),
           ("month", 1, 12, _MONTHS), ("day of the week", 0, 6, _DAYS))


class CronError(ValueError):
    """A schedule that can't be read."""


def _number(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + low
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and low <= int(text) <= high):
        raise CronError(f"{name}: expected {low} to {high}, found {text!r}")
    return int(text)


def _field(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, name, low, high, names)
            end = _number(last, name, low, high, names) if dash else high if slash else start
        if end < start:
            raise CronError(f"{name}: expected a range from low to high, found {part!r}")
        values.update(range(start, end + 1, _number(step, f"{name} step", 1, high, ()) if slash else 1))
    return frozenset(values)


@dataclass(frozen=True)
class Schedule:
    minute: frozenset[int]
    hour: frozenset[int]
    day: frozenset[int]
    month: frozenset[int]
    weekday: frozenset[int]
    either_day: bool
    """Both day fields are restricted, so that either may match."""

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        fields = text.split()
        if len(fields) != 5:
            raise CronError(f"expected five fields (minute hour day month weekday), found {text!r}")
        values = [_field(field, *rule) for field, rule in zip(fields, _FIELDS, strict=True)]
        return cls(*values, either_day=not fields[2].startswith("*") and not fields[4].startswith("*"))

    def matches(self, when: datetime) -> bool:
        """Whether it is due in the minute of `when` (UTC)."""
        day, weekday = when.day in self.day, (when.weekday() + 1) % 7 in self.weekday
        return (when.minute in self.minute and when.hour in self.hour and when.month in self.month
                and (day or weekday if self.either_day else day and weekday))
