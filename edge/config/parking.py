"""`parking:` of the site file: the parking system beside the box, if there is one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from edge.config.secrets import NAMED, fill_secrets
from edge.config.sync import check_broker
from edge.config.values import Closed, Id, Number, unique
from edge.errors import ConfigError
from edge.site_file import misplaced
from pipelines.layout import LaneDirection

Shape = Literal["generic", "bolink", "hikvision", "axis"]
HookShape = Literal["generic", "bolink"]
SHORTEST_SECRET: Final = 16


class FeedConfig(Closed):
    """Somebody who tells of cars: by HTTP to `/api/v1/parking/{id}`, or on a topic of an MQTT broker."""

    id: Id
    shape: Shape = Field("generic", description="How its messages look.")
    secret: str | None = Field(
        None, min_length=1, description="HTTP: what it has to show; ${NAME} for a secret, 16 letters or more."
    )
    topic: str | None = Field(
        None, min_length=1, max_length=256, pattern=r"^[^+#\x00]+$", description="MQTT: where it publishes."
    )
    broker: str | None = Field(
        None, description="MQTT: such as mqtt://127.0.0.1:1883; left out: the one of `sync`."
    )
    lane: Id | None = Field(None, description="Everything is about this lane: a camera's feed.")
    lanes: dict[str, Id] = Field(
        default_factory=dict, description="The feed's names of the lanes, and ours; left out: the same."
    )

    @field_validator("broker")
    @classmethod
    def _mqtt(cls, broker: str | None) -> str | None:
        if broker is not None:
            check_broker(broker, "; such as mqtt://127.0.0.1:1883")
        return broker

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.secret is None) == (self.topic is None):
            raise misplaced(
                ("secret",), "either a secret, for HTTP, or a topic, for MQTT",
                "such as secret: ${LOT_SECRET}",
            )  # fmt: skip
        if self.broker is not None and self.topic is None:
            raise misplaced(("broker",), "only a feed with a topic has a broker", "take it out")
        if self.lane is not None and self.lanes:
            raise misplaced(("lane",), "either one lane or several", "take one of them out")
        return self

    def opened_secret(self, environment: Mapping[str, str] | None = None) -> str:
        """The secret filled in. Raises ConfigError for one that is nowhere, or too short."""
        about = f"feed {self.id}"
        secret = fill_secrets(self.secret or "", about, environment)
        if len(secret) < SHORTEST_SECRET:
            raise ConfigError(
                f"{about}: its secret is shorter than {SHORTEST_SECRET} letters; make a longer one"
            )
        return secret


class WebhookConfig(Closed):
    """Where the parking system is told of a coupon, so that the barrier asks for less."""

    url: str = Field(description="http:// or https://; ${NAME} for a secret.")
    shape: HookShape = "generic"
    secret: str | None = Field(None, min_length=1, description="Sent as `Authorization: Bearer …`.")
    timeout: Number = Field(3, gt=0, le=30, description="Seconds for one try.")

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        parts = urlsplit(re.sub(NAMED, "secret", url))
        try:
            good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise ValueError("not an address; such as https://parking.example/coupon")
        return url


class ParkingConfig(Closed):
    """The car park."""

    max_stay: Number = Field(
        72, ge=1, le=240, description="Hours after which a car that was not seen to leave is given up."
    )
    feeds: list[FeedConfig] = Field(default_factory=list)
    webhook: WebhookConfig | None = None


def check_parking(parking: ParkingConfig, lanes: Mapping[str, LaneDirection], broker: bool) -> None:
    """For the whole file's validator. broker: whether `sync` names one."""
    unique([(("parking", "feeds", i, "id"), feed.id) for i, feed in enumerate(parking.feeds)])
    known = ", ".join(lanes) or "none"
    for i, feed in enumerate(parking.feeds):
        if feed.topic is not None and feed.broker is None and not broker:
            raise misplaced(
                ("parking", "feeds", i, "topic"), "on which broker?", "add broker: mqtt://127.0.0.1:1883"
            )
        if feed.lane is not None and feed.lane not in lanes:
            raise misplaced(
                ("parking", "feeds", i, "lane"), f"there is no lane {feed.lane}", f"lanes here: {known}"
            )
        for name, lane in feed.lanes.items():
            if lane not in lanes:
                raise misplaced(
                    ("parking", "feeds", i, "lanes", name), f"there is no lane {lane}", f"lanes here: {known}"
                )
