"""What every payload is made of: the strict base, and the kinds of fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from pipelines.records import DWELL_EDGES_S, LENGTH_EDGES

WHOLE_MAX: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly."""


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is outside the years 1 to 9999") from error


def rfc3339(value: datetime) -> str:
    """UTC text such as `2026-03-01T10:00:00Z` or `2026-03-01T10:00:00.250Z`, to the millisecond."""
    text = value.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return text.removesuffix(".000") + "Z"


Time = Annotated[
    AwareDatetime,
    AfterValidator(_utc),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
]
"""RFC 3339, UTC."""
Count = Annotated[int, Field(ge=0, le=WHOLE_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=128)]
"""The id of a camera, gate, zone or lane, as the site file has it."""
Epoch = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
BoxId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
PublicKeyText = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""32 bytes in base64."""
Histogram = Annotated[tuple[Count, ...], Field(min_length=len(DWELL_EDGES_S), max_length=len(DWELL_EDGES_S))]

Lengths = Annotated[tuple[Count, ...], Field(min_length=len(LENGTH_EDGES), max_length=len(LENGTH_EDGES))]


class Payload(BaseModel):
    """Types are not coerced, unknown fields are ignored, no number is infinite."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    def text(self) -> str:
        """Compact JSON."""
        return self.model_dump_json(by_alias=True)
