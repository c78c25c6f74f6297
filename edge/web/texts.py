"""The page's words in each language, and numbers, lengths and times as people of that language write them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal

LANGUAGES: Final = ("zh-CN", "en")
_DAY: Final = {"zh-CN": "M月d日 EEEE", "en": "EEEE d MMMM"}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in tree.items():
        found |= (
            _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": str(value)}
        )
    return found


@lru_cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text of a language by its dotted key."""
    file = resources.files("edge.web").joinpath("texts", f"{language}.yaml")
    return _flat(yaml.safe_load(file.read_text(encoding="utf-8")))


def chosen(wanted: str | None, default: str) -> str:
    """The language to speak: the wanted one if we have it."""
    return wanted if wanted in LANGUAGES else default


class Texts:
    """One language. Call it with a key and what fills the text."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        """zone: the store's time zone, in which times are told."""
        self.language = language
        self._catalogue = catalogue(language)
        self._locale = Locale.parse(language, sep="-")
        self._zone = zone

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key; a KeyError is a fault of ours that a test finds."""
        return self._catalogue[key].format(**values)

    def has(self, key: str) -> bool:
        """Whether there is such a text: for names that come from outside."""
        return key in self._catalogue

    def joined(self, parts: Iterable[str]) -> str:
        """Clauses as one line: `甲，乙`, `one, two`."""
        return ("，" if self.language == "zh-CN" else ", ").join(part for part in parts if part)

    def number(self, value: float) -> str:
        """`1,234`."""
        return format_decimal(value, locale=self._locale)

    def share(self, value: float) -> str:
        """Whole per cent, rounded down: 99.9 % observed is not all."""
        return f"{math.floor(value * 100 + 1e-9)}%"

    def percent(self, value: float) -> str:
        """`12%`, below ten per cent with one decimal: `3.4%`."""
        return format_decimal(100 * value, "0.#" if 0 < value < 0.0995 else "0", locale=self._locale) + "%"

    def clock(self, moment: datetime, *, seconds: bool = False) -> str:
        """`15:30` in the store's time zone."""
        return format_time(
            moment.astimezone(self._zone), "HH:mm:ss" if seconds else "HH:mm", locale=self._locale
        )

    def since(self, moment: datetime, now: datetime) -> str:
        """`15:30`, with the date when it was another day."""
        local = moment.astimezone(self._zone)
        if local.date() == now.astimezone(self._zone).date():
            return self.clock(moment)
        return f"{format_date(local, 'M-d', locale=self._locale)} {self.clock(moment)}"

    def day(self, day: date) -> str:
        """`9月21日 星期一`, `Monday 21 September`."""
        return format_date(day, _DAY[self.language], locale=self._locale)

    def short_day(self, moment: datetime, now: datetime) -> str:
        """`11月22日`, `22 Nov`, with the year when it was another one."""
        local = moment.astimezone(self._zone)
        year = local.year != now.astimezone(self._zone).year
        pattern = {"zh-CN": "y年M月d日" if year else "M月d日"}.get(
            self.language, "d MMM y" if year else "d MMM"
        )
        return format_date(local, pattern, locale=self._locale)

    def weekday(self, day: date) -> str:
        """`周一`, `Monday`."""
        return format_date(day, "EEE" if self.language == "zh-CN" else "EEEE", locale=self._locale)

    def length(self, seconds: float) -> str:
        """`25 秒`, `3 min 20 s`, `1 h 5 min`."""
        whole = round(seconds)
        if whole < 60:
            return self("time.seconds", s=whole)
        if whole < 3600:
            m, s = divmod(whole, 60)
            return self("time.minutes_seconds", m=m, s=s) if s else self("time.minutes", m=m)
        h, m = divmod(whole // 60, 60)
        return self("time.hours_minutes", h=h, m=m) if m else self("time.hours", h=h)

    def coarse(self, seconds: float) -> str:
        """The same in whole minutes from one minute on: `25 秒`, `3 min`, `1 h 5 min`."""
        return self.length(seconds if seconds < 59.5 else round(seconds / 60) * 60)

    def span(self, seconds: float) -> str:
        """The same, from two days on in days and hours: `6 天 23 小时`, `2 d 4 h`."""
        d, h = divmod(int(seconds // 3600), 24)
        if d < 2:
            return self.coarse(seconds)
        return self("time.days_hours", d=d, h=h) if h else self("time.days", d=d)

    def age(self, seconds: float) -> str:
        """`刚刚`, `12 秒前`, `5 min ago`: one unit is enough."""
        if seconds < 3:
            return self("time.now")
        for unit, name, letter in ((86_400, "days", "d"), (3600, "hours", "h"), (60, "minutes", "m")):
            if seconds >= unit:
                return self("time.ago", time=self(f"time.{name}", **{letter: int(seconds // unit)}))
        return self("time.ago", time=self("time.seconds", s=int(seconds)))
