"""The JSON API under /api/v1, hand counts: how the counting was checked and what came out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from edge.audit.standing import drawings_of
from edge.store import audits
from edge.store.audits import Audit
from edge.store.database import reading
from edge.web import models
from edge.web.api import REFUSALS, Box
from edge.web.figures import checked, gate_keys
from edge.web.trust import at
from pipelines.equivalence import Verdict
from pipelines.records import Direction
from sync.payloads import Time

router = APIRouter(prefix="/api/v1", responses=REFUSALS)


class HandCounted(models.Answer):
    """One gate and direction, counted by hand for a while."""

    camera: str
    gate: str
    direction: Direction
    begun: Time
    ended: Time
    who: str = Field(description="As they called themselves; may be empty.")
    outdated: bool = Field(
        description="The gate has been redrawn since; it says nothing about today's counts."
    )
    by_hand: int
    counted: int
    matched: int
    wrong_way: int = Field(description="Counted in the other direction.")
    accuracy: float | None
    bias: float | None = Field(description="(counted − by hand) / by hand.")
    bias_90: models.Range | None = Field(description="Where the bias really lies, 90 % sure.")
    wape: float | None = Field(description="Of quarter-hours.")
    verdict: Verdict = Field(description="Of this hand count alone.")


class GateChecked(models.Answer):
    """A gate and what all valid hand counts say of it."""

    camera: str
    gate: str
    checked: models.Checked


class Audits(models.Answer):
    """How the counting was checked."""

    gates: list[GateChecked]
    audits: list[HandCounted] = Field(description="The newest first.")


@router.get("/audits")
def get_audits(box: Box, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Audits:
    """Hand counts, and what they say together of each gate's counts."""
    look, drawn = box.look(), drawings_of(box.site)
    with reading(box.path) as connection:
        kept = audits.select(connection, limit)
    return Audits(
        gates=[
            GateChecked(camera=key[0], gate=key[1], checked=checked(look, drawn, key))
            for key in gate_keys(box.site)
        ],
        audits=[
            _told(audit, outdated=drawn.get((audit.camera, audit.gate)) != audit.drawing) for audit in kept
        ],
    )


def _told(audit: Audit, *, outdated: bool) -> HandCounted:
    tally = audit.tally
    return HandCounted(
        camera=audit.camera, gate=audit.gate, direction=audit.direction,
        begun=at(audit.begun), ended=at(audit.ended), who=audit.who, outdated=outdated,
        by_hand=tally.true, counted=tally.counted, matched=tally.matched, wrong_way=tally.wrong_way,
        accuracy=tally.accuracy, bias=tally.bias,
        bias_90=models.Range.of(tally.interval()),
        wape=tally.wape, verdict=tally.verdict(),
    )  # fmt: skip
