"""What hand counts say is told with every gate's figures."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from edge.audit.standing import drawings_of
from edge.store.audits import Audit
from edge.web import wording
from edge.web.models import Checked, Range
from edge.web.texts import Texts
from pipelines.audit import Tally
from pipelines.records import Direction
from tests.edge.web.build import NOW, SITE, Filled

DRAWN = drawings_of(SITE)["cam-1", "door"]


def audit(direction: Direction, true: int, missed: int, drawing: str = DRAWN, ago: float = 3600) -> Audit:
    tally = Tally(true=true, missed=missed, minutes=60, errors_squared=missed, windows=4, window_error=missed)
    ended = NOW - ago
    return Audit("cam-1", "door", direction, ended - 600, ended, drawing, "王", ended, tally)


def told(client: TestClient, box: Filled) -> dict[str, object]:
    """What the gate's figures say of their own worth."""
    box.now += 1
    [gate] = client.get("/api/v1/gates").json()["gates"]
    found: dict[str, object] = gate["checked"]
    return found


def test_a_gate_says_that_nobody_ever_checked_it(client: TestClient, box: Filled) -> None:
    assert told(client, box) == {
        "state": "never", "at": None, "crossings": 0, "accuracy": None, "verdict": "undecided",
        "more_needed": 0,
    }  # fmt: skip


def test_a_gate_says_how_good_its_counts_are(client: TestClient, box: Filled) -> None:
    box.store.add_audits([audit("in", 210, 1), audit("out", 210, 2)])
    found = told(client, box)
    assert (found["state"], found["crossings"], found["verdict"]) == ("checked", 420, "pass")
    assert found["at"] == datetime.fromtimestamp(NOW - 3600, UTC).isoformat().replace("+00:00", "Z")
    assert found["accuracy"]["low"] > 0.97  # type: ignore[index]


def test_all_hand_counts_are_listed_and_those_of_an_older_drawing_marked(
    client: TestClient, box: Filled
) -> None:
    box.store.add_audits([audit("in", 210, 2), audit("in", 50, 9, drawing="older", ago=9e5)])
    answer = client.get("/api/v1/audits").json()
    assert [gate["gate"] for gate in answer["gates"]] == ["door"]
    assert answer["gates"][0]["checked"]["crossings"] == 210
    new, old = answer["audits"]
    assert (new["outdated"], new["by_hand"], new["counted"], new["who"]) == (False, 210, 208, "王")
    assert (old["outdated"], old["bias"], old["verdict"]) == (True, -0.18, "fail")
    assert new["bias_90"]["low"] < new["bias"] < new["bias_90"]["high"]
    assert len(client.get("/api/v1/audits?limit=1").json()["audits"]) == 1
    assert client.get("/api/v1/audits?limit=0").status_code == 400


THEN = datetime(2026, 11, 21, 17, tzinfo=UTC)  # the 22nd in Shenzhen


@pytest.mark.parametrize(
    ("found", "english", "chinese"),
    [
        ({"state": "never", "at": None}, "never checked", "从未核对"),
        ({"state": "checked"}, "checked 22 Nov: 97–99% (n=420)", "11月22日 核对：97–99%（n=420）"),
        (
            {"state": "checked", "accuracy": Range(low=0.991, high=0.999)},
            "checked 22 Nov: 99% (n=420)", "11月22日 核对：99%（n=420）",
        ),
        (
            {"state": "checked", "verdict": "fail", "accuracy": Range(low=0.85, high=0.93)},
            "checked 22 Nov: 85–93% (n=420) · counts are off, check the gate",
            "11月22日 核对：85–93%（n=420） · 计数偏差大，请检查入口线",
        ),
        (
            {"state": "few", "crossings": 12, "more_needed": 120},
            "checked 22 Nov: too few to say (n=12); count about 120 more",
            "11月22日 核对：12 人次，太少，还不能下结论；约需再数 120 人次",
        ),
        (
            {"state": "few", "more_needed": None},
            "checked 22 Nov: still open whether the error is below 3% (n=420)",
            "11月22日 核对：420 人次，仍无法判断误差是否在 3% 以内",
        ),
        (
            {"state": "outdated"},
            "checked 22 Nov, before the gate was redrawn: check again",
            "11月22日 核对过，之后入口线改过：请重新核对",
        ),
        (
            {"state": "outdated", "at": datetime(2025, 3, 1, tzinfo=UTC)},
            "checked 1 Mar 2025, before the gate was redrawn: check again",
            "2025年3月1日 核对过，之后入口线改过：请重新核对",
        ),
    ],
)  # fmt: skip
def test_it_is_told_in_words(found: dict[str, object], english: str, chinese: str) -> None:
    base = {
        "at": THEN, "crossings": 420, "accuracy": Range(low=0.972, high=0.994), "verdict": "pass",
        "more_needed": 0,
    }  # fmt: skip
    checked = Checked.model_validate(base | found)
    now = datetime(2026, 11, 25, tzinfo=UTC)
    zone = ZoneInfo("Asia/Shanghai")
    assert wording.checked(checked, now, Texts("en", zone)) == english
    assert wording.checked(checked, now, Texts("zh-CN", zone)) == chinese
