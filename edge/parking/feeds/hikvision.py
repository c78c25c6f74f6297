"""What a Hikvision camera posts of a plate: `EventNotificationAlert` as XML, alone or as a part of a
multipart message beside its pictures (research: retail §3). The pictures are dropped unread, here in memory.
Made after the public description, not tried against a real camera.
"""

from __future__ import annotations

import email.parser
import email.policy
from typing import Final
from xml.etree import ElementTree

from edge.parking.feeds.hearing import FeedError, Hearing, plate, ref, utc
from pipelines.parking_records import ParkingEvent

MOST_XML: Final = 65_536
LEAST_SURE: Final = 0.5
"""Below this share of confidence the camera has not read the plate."""
_READS: Final = frozenset({"ANPR", "vehicleDetection"})


def events(body: bytes, content_type: str, hearing: Hearing) -> list[ParkingEvent]:
    """The read of a message; none for a heartbeat or an event of another kind. Raises FeedError."""
    found = _texts(_xml(body, content_type))
    if found.get("eventType") not in _READS:
        return []
    lane = hearing.lane(found.get("channelID", found.get("channelName", "")))
    t, late = hearing.happened(utc(found.get("dateTime"), hearing.zone))
    text = plate(found.get("licensePlate", found.get("originalLicensePlate")))
    if not _sure(found.get("confidenceLevel")):
        text = None
    return [
        ParkingEvent(
            hearing.directions[lane], lane, t, text, hearing.source, hearing.feed, ref(found.get("UUID")),
            late=late, lasting=False,
        )
    ]  # fmt: skip


def _sure(confidence: str | None) -> bool:
    try:
        return confidence is None or float(confidence) >= 100 * LEAST_SURE
    except ValueError:
        return True


def _xml(body: bytes, content_type: str) -> bytes:
    """The XML part of a message."""
    if "multipart" not in content_type.lower():
        return body
    head = f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    for part in message.walk():
        if "xml" in part.get_content_type() or str(part.get_filename() or "").lower().endswith(".xml"):
            payload = part.get_payload(decode=True)
            return payload if isinstance(payload, bytes) else b""
    raise FeedError("a multipart message without XML")


def _texts(xml: bytes) -> dict[str, str]:
    """Every element's text by its name without a namespace, the first of each; entities are refused."""
    if len(xml) > MOST_XML:
        raise FeedError(f"XML of more than {MOST_XML} bytes")
    if b"<!" in xml:
        raise FeedError("XML with a document type")
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 - without a document type there are no entities
    except ElementTree.ParseError as error:
        raise FeedError("no XML") from error
    found: dict[str, str] = {}
    for element in root.iter():
        text = (element.text or "").strip()
        if text:
            found.setdefault(element.tag.rpartition("}")[2], text)
    return found
