"""The API tells what the store holds, live, with what is missing as missing, and refuses in one shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from edge.web.app import create_app
from pipelines.records import Crossing, Event
from pipelines.window_quality import judged
from tests.edge.web.build import ENTRIES, EXITS, NOW, SITE, TEN, VISITS, Filled, minute


def get(client: TestClient, path: str, **query: Any) -> Any:
    answer = client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def assert_refused(answer: Response, status: int, about: str | None) -> None:
    """Every refusal has the same two keys and no trace of the code."""
    assert answer.status_code == status, answer.text
    assert answer.json().keys() == {"error", "about"}
    assert answer.json()["about"] == about
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text


def test_today_counts_committed_minutes_and_what_came_since(client: TestClient) -> None:
    today = get(client, "today")
    assert (today["in"], today["out"], today["visits"]) == (ENTRIES, EXITS, VISITS)
    assert (today["date"], today["people_now"], today["open_now"]) == ("2026-09-21", 3, True)
    assert (today["opens"], today["closes"]) == ("2026-09-21T02:00:00Z", "2026-09-21T14:00:00Z")


def test_a_crossing_shows_at_once_and_is_not_counted_twice_when_its_minute_is_committed(
    client: TestClient, box: Filled
) -> None:
    box.store.add_records([Crossing("cam-1", "door", "in", box.now, 9)])
    box.now += 1
    box.pulse()
    assert get(client, "today")["in"] == ENTRIES + 1
    sealed = int(NOW) // 60 * 60 - 60
    box.now += 60
    box.store.commit_minute(sealed, minute(sealed, 1, 0, 0.0))
    box.store.commit_minute(sealed + 60, minute(sealed + 60, 2, 1, 25.0))
    box.pulse()
    assert get(client, "today")["in"] == ENTRIES + 1


def test_an_hour_that_nobody_observed_is_missing_and_not_zero(client: TestClient) -> None:
    bars = {bar["start"][11:13]: bar for bar in get(client, "today")["hours"]}
    assert len(bars) == 24
    noon, one, now, later, night = (bars[hour] for hour in ("04", "05", "07", "08", "20"))
    assert (noon["state"], noon["in"], noon["observed"]) == ("missing", None, 0.0)
    assert (one["state"], one["in"], one["out"], one["visits"]) == ("counted", 180, 120, 60)
    assert (now["state"], now["in"]) == ("running", 29 * 4 + 2)
    assert (later["state"], later["in"]) == ("ahead", None)
    assert night["state"] == "closed"


def test_an_hour_observed_in_part_says_so(client: TestClient, box: Filled) -> None:
    box.now += 4 * 3600
    for start in range(int(NOW) // 60 * 60 - 60, TEN + 6 * 3600 + 30 * 60, 60):
        box.store.commit_minute(start, minute(start, 1, 0, 0.0))
    bars = {bar["start"][11:13]: bar for bar in get(client, "today")["hours"]}
    assert (bars["08"]["state"], bars["08"]["observed"], bars["08"]["in"]) == ("partial", 0.5, 30)
    assert bars["09"]["state"] == "missing"


def test_the_last_hour_by_minute_ends_with_the_running_one(client: TestClient) -> None:
    minutes = get(client, "gates")["gates"][0]["minutes"]
    assert len(minutes) == 60
    assert [(bar["state"], bar["in"]) for bar in minutes[-3:]] == [
        ("counted", 4),
        ("running", 1),
        ("running", 1),
    ]


def test_coverage_is_the_observed_share_of_the_opening_hours_so_far(client: TestClient) -> None:
    today = get(client, "today")
    assert today["coverage"] == pytest.approx((329 - 60) / 329)
    assert get(client, "cameras")["cameras"][0]["coverage"] == pytest.approx((329 - 60) / 329)
    assert [problem["code"] for problem in today["problems"]] == ["coverage_low"]
    assert today["level"] == "notice"


def test_last_week_is_compared_up_to_the_same_minute(client: TestClient) -> None:
    before = get(client, "today")["comparison"]
    assert before["date"] == "2026-09-14"
    assert before["in"] == 60 * (0 + 1 + 0 + 2 + 1) + 29 * 3
    assert before["coverage"] == pytest.approx(329 / 330)


def test_a_day_that_is_over_is_told_from_the_store_alone(client: TestClient) -> None:
    today = get(client, "today", date="2026-09-14")
    assert today["in"] == 60 * (0 + 1 + 0 + 2 + 1) + 29 * 3
    assert (today["people_now"], today["minutes"], today["problems"]) == (None, [], [])
    assert get(client, "gates", date="2026-09-14")["gates"][0]["minutes"] == []


def test_a_day_without_data_has_no_figures(client: TestClient) -> None:
    today = get(client, "today", date="2026-09-01")
    assert (today["in"], today["out"], today["visits"], today["counting_since"]) == (None, None, None, None)
    assert today["coverage"] == 0.0
    assert {bar["state"] for bar in today["hours"]} == {"missing", "closed"}
    assert get(client, "zones", date="2026-09-01")["zones"][0]["dwell"] is None


def test_dwell_is_a_median_with_its_number_and_histogram(client: TestClient) -> None:
    [zone] = get(client, "zones")["zones"]
    dwell = zone["dwell"]
    assert (zone["zone"], zone["role"], zone["now"], zone["visits"]) == ("lancome", "counter", 2, VISITS)
    assert dwell["visits"] == VISITS == sum(each["complete"] for each in dwell["bins"])
    # 60 of 4 s, 121 of 25 s, 89 of 70 s: the median lies (135 - 60) / 121 through the bin from 20 to 30 s.
    assert dwell["median"] == {"seconds": round(20 + 10 * 75 / 121, 1), "at_least": False}
    assert dwell["mean_seconds"] == round((60 * 4 + 121 * 25 + 89 * 70) / 270, 1)


def test_lanes_count_vehicles_by_direction(client: TestClient) -> None:
    [lane] = get(client, "lanes")["lanes"]
    assert (lane["lane"], lane["down"], lane["up"], lane["vehicles"]) == ("exit-1", VISITS - 1, 0, VISITS - 1)


def test_cameras_tell_their_state_and_the_age_of_the_newest_frame(client: TestClient, box: Filled) -> None:
    [camera] = get(client, "cameras")["cameras"]
    assert (camera["state"], camera["last_frame_age"], camera["fps"], camera["persons"]) == (
        "online",
        0,
        10,
        3,
    )
    box.now += 30
    [camera] = get(client, "cameras")["cameras"]
    assert (camera["last_frame_age"], camera["fps"], camera["persons"]) == (30.0, None, None)
    assert get(client, "today")["people_now"] is None


def test_sync_tells_what_waits_and_the_last_word_of_the_centre(client: TestClient, box: Filled) -> None:
    box.store.add_records([Event("camera_covered", NOW, "cam-1")])
    box.now += 5
    sync = get(client, "sync")
    assert (sync["configured"], sync["connected"], sync["rows"], sync["oldest_age"]) == (True, True, 1, 5.0)
    assert sync["epoch"] == box.store.epoch
    assert sync["acked_at"] == iso(NOW)


def test_windows_come_in_whole_minutes_and_say_where_to_go_on(client: TestClient) -> None:
    begin, end = iso(TEN + 3600), iso(TEN + 3600 + 600)
    whole = get(client, "windows", **{"from": begin, "to": end})
    assert whole["next"] is None
    assert [len(each["windows"]) for each in whole["minutes"]] == [4] * 10
    pages, at = [], begin
    while at:
        page = get(client, "windows", **{"from": at, "to": end, "limit": 7})
        pages += page["minutes"]
        at = page["next"]
    assert pages == whole["minutes"]
    single = get(client, "windows", **{"from": begin, "to": end, "limit": 1})
    assert single["minutes"] == whole["minutes"][:1]


def test_windows_are_told_as_they_are_sent_to_the_centre(client: TestClient, box: Filled) -> None:
    made = judged(minute(int(NOW) // 60 * 60 - 60, 4, 1, 70.0))
    box.store.commit_minute(made[0].start, made)
    [row] = box.store.pending("data", 0, 10)
    [told] = get(client, "windows", **{"from": iso(made[0].start), "to": iso(made[0].start + 60)})["minutes"]
    sent = json.loads(row.body)
    assert told["start"] == sent["start"]
    assert {w["scope"]: w for w in told["windows"]} == {w["scope"]: w for w in sent["windows"]}
    assert {w["quality"]["confidence"] for w in told["windows"]} == {"good"}


def test_windows_of_a_blind_minute_have_null_counts(client: TestClient) -> None:
    begin, end = iso(TEN + 2 * 3600), iso(TEN + 2 * 3600 + 60)
    [found] = get(client, "windows", **{"from": begin, "to": end, "scope": "gate"})["minutes"]
    counts = dict.fromkeys(("in", "out", "inferred", "staff_in", "staff_out", "u_turns", "parties"))
    [window] = found["windows"]
    assert window.pop("quality")["reasons"] == ["nothing_seen"]
    assert found == {
        "start": begin,
        "windows": [{"camera": "cam-1", "id": "door", "observed_seconds": 0.0, "scope": "gate"} | counts],
    }


def test_events_are_told_newest_first(client: TestClient, box: Filled) -> None:
    box.store.add_records([Event("camera_covered", NOW - 60, "cam-1"), Event("disk_full", NOW - 30)])
    found = get(client, "events", **{"from": iso(NOW - 3600), "to": iso(NOW)})["events"]
    assert [event["name"] for event in found] == ["disk_full", "camera_covered"]


@pytest.mark.parametrize(
    ("path", "query", "status", "about"),
    [
        pytest.param("today", {"date": "yesterday"}, 400, "date", id="no date"),
        pytest.param("today", {"date": "2027-01-01"}, 400, "date", id="a day to come"),
        pytest.param("gates", {"date": "0001-01-01"}, 400, "date", id="a day too long ago"),
        pytest.param("windows", {}, 400, "from", id="no stretch of time"),
        pytest.param("windows", {"from": iso(NOW), "to": iso(NOW - 60)}, 400, "to", id="backwards"),
        pytest.param("windows", {"from": iso(NOW - 32 * 86_400), "to": iso(NOW)}, 400, "to", id="too long"),
        pytest.param("windows", {"from": "2026-01-01T00:00", "to": iso(NOW)}, 400, "from", id="no offset"),
        pytest.param(
            "windows", {"from": iso(0), "to": iso(60), "scope": "face"}, 400, "scope", id="no such scope"
        ),
        pytest.param("windows", {"from": iso(0), "to": iso(60), "limit": 10**9}, 400, "limit", id="too many"),
        pytest.param(
            "windows",
            {"from": "0001-01-01T00:00:00+14:00", "to": "0001-01-01T00:01:00+14:00"},
            400,
            "from",
            id="before time began",
        ),
        pytest.param("events", {"from": iso(0), "to": iso(NOW)}, 400, "to", id="too long for events"),
        pytest.param("faces", {}, 404, None, id="no such thing"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_shape(
    client: TestClient, path: str, query: dict[str, Any], status: int, about: str | None
) -> None:
    assert_refused(client.get(f"/api/v1/{path}", params=query), status, about)


def test_a_wrong_method_is_refused_in_the_same_shape(client: TestClient) -> None:
    assert_refused(client.post("/api/v1/today"), 405, None)


def test_a_fault_inside_shows_no_stack_trace(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.web.figures.today", lambda *_: 1 / 0)
    answer = client.get("/api/v1/today")
    assert_refused(answer, 500, None)
    assert "division" not in answer.text


def test_a_store_that_is_gone_is_said(client: TestClient, box: Filled) -> None:
    box.store.close()
    box.store.path.write_bytes(b"no database any more " * 300)
    assert_refused(client.get("/api/v1/today"), 503, "store")


def test_the_openapi_document_names_every_answer(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    for path in ("site", "today", "gates", "zones", "lanes", "cameras", "sync", "windows", "events"):
        answers = document["paths"][f"/api/v1/{path}"]["get"]["responses"]
        assert "$ref" in answers["200"]["content"]["application/json"]["schema"], path
        assert answers["400"]["content"]["application/json"]["schema"]["$ref"].endswith("/Refusal")
    assert "in" in document["components"]["schemas"]["Today"]["properties"]


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("localhost", True),
        ("10.0.0.7:8080", True),
        ("box.store.example", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_only_an_address_or_a_known_name_is_answered(box: Filled, host: str, answered: bool) -> None:
    app = create_app(
        SITE, box.store.path, box.live, clock=box.clock, hosts=["Box.Store.example"], pages=False
    )
    answer = TestClient(app).get("/api/v1/site", headers={"host": host})
    if answered:
        assert answer.status_code == 200
    else:
        assert_refused(answer, 421, "host")


def test_another_origin_may_not_send_anything(client: TestClient) -> None:
    answer = client.post("/api/v1/today", headers={"origin": "https://evil.example"})
    assert_refused(answer, 421, "host")


def test_every_answer_binds_the_browser(client: TestClient) -> None:
    for path in ("/api/v1/today", "/api/v1/nothing", "/healthz"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert client.get("/api/v1/today").headers["cache-control"] == "no-store"
