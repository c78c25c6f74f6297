"""`site:` where the box stands and when its store is open."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from edge.config.values import Closed, Id
from edge.opening_hours import OpeningHours, StoreHours, parse_opening_hours

Language = Literal["zh-CN", "en"]


class SiteIdentity(Closed):
    """Where the box stands. The three names make its topics."""

    tenant: Id = Field(description="The chain; first part of every topic.")
    store: Id = Field(description="The store.")
    box: Id = Field(description="This box; unique in its store.")
    timezone: str = Field("Asia/Shanghai", description="IANA name; what people see is told in it.")
    opening_hours: dict[str, str] = Field(
        default_factory=lambda: {"mon-sun": "10:00-22:00"},
        description='Days to hours, such as {mon-fri: "10:00-21:30", sat: "09:00-22:00"}.',
    )
    language: Language = Field("zh-CN", description="The page's language until somebody changes it.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("no such time zone; use an IANA name such as Asia/Shanghai") from None
        return name

    @field_validator("opening_hours")
    @classmethod
    def _readable_hours(cls, hours: dict[str, str]) -> dict[str, str]:
        parse_opening_hours(hours)
        return hours

    @property
    def hours(self) -> OpeningHours:
        """The opening hours, ready to ask."""
        return parse_opening_hours(self.opening_hours)

    @property
    def zone(self) -> ZoneInfo:
        """The store's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def store_hours(self) -> StoreHours:
        """The opening hours in the store's time zone."""
        return StoreHours(self.hours, self.zone)
