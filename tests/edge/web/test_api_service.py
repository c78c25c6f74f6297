"""The API tells queues, counters, areas, heat and net footfall, and what each of them rests on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from edge.web.app import create_app
from edge.web.texts import LANGUAGES, catalogue
from pipelines.quality import REASONS
from tests.edge.web import island
from tests.edge.web.build import NOW, TEN, WEEK, Filled
from tests.edge.web.island import EVENTS, MINUTES
from tests.edge.web.test_api import assert_refused, get, iso


def client_of(box: Filled, **options: Any) -> TestClient:
    app = create_app(island.site(**options), box.store.path, box.live, clock=box.clock, pages=False)
    return TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    box = island.island(tmp_path_factory.mktemp("island"))
    box.store.add_records(EVENTS)
    yield box
    box.store.close()


@pytest.fixture(scope="module")
def client(known: Filled) -> TestClient:
    return client_of(known)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Any]:
    """Makes the island's day otherwise."""
    made: list[Filled] = []

    def make(**minutes: Any) -> TestClient:
        made.append(island.island(tmp_path, minutes=minutes))
        return client_of(made[-1])

    yield make
    for box in made:
        box.store.close()


def test_a_gate_tells_raw_and_net_and_what_lies_between(client: TestClient) -> None:
    [gate] = get(client, "gates")["gates"]
    assert (gate["in"], gate["out"]) == (3 * MINUTES, 2 * MINUTES)
    assert (gate["staff_in"], gate["staff_out"], gate["u_turns"]) == (MINUTES, 0, MINUTES)
    assert gate["net_in"] == gate["in"] - gate["staff_in"] - gate["u_turns"]
    assert gate["net_out"] == gate["out"] - gate["staff_out"] - gate["u_turns"]
    assert gate["parties"] == 2 * MINUTES
    today = get(client, "today")
    same = ("in", "out", "net_in", "net_out", "staff_in", "staff_out", "u_turns", "parties")
    assert {name: today[name] for name in same} == {name: gate[name] for name in same}


def test_a_queue_tells_who_waits_now_and_how_the_day_went(client: TestClient) -> None:
    [queue] = get(client, "queues")["queues"]
    assert (queue["camera"], queue["queue"], queue["limit_seconds"]) == ("island", "line", 180.0)
    assert (queue["now"], queue["estimate_seconds"]) == (3, 170.0)
    assert [queue[n] for n in ("waits", "served", "abandoned", "balked", "over_limit")] == [
        3 * MINUTES, 2 * MINUTES, MINUTES, MINUTES, MINUTES,
    ]  # fmt: skip
    assert queue["over_share"] == pytest.approx(1 / 3, abs=1e-4)
    assert queue["abandoned_share"] == pytest.approx(1 / 3, abs=1e-4)
    assert (queue["mean_wait_seconds"], queue["mean_length"], queue["peak"]) == (140.0, 2.0, 3)
    assert queue["median_wait"]["at_least"] is False
    assert 90 <= queue["median_wait"]["seconds"] <= 120
    assert queue["p90_wait"] == {"seconds": 180.0, "at_least": True}


def test_a_queue_by_the_hour_has_a_mean_where_somebody_waited_and_a_hole_where_nobody_looked(
    client: TestClient,
) -> None:
    bars = {bar["start"][11:13]: bar for bar in get(client, "queues")["queues"][0]["hours"]}
    assert len(bars) == 24
    assert (bars["02"]["state"], bars["02"]["waits"], bars["02"]["mean_wait_seconds"]) == (
        "counted",
        180,
        140.0,
    )
    assert (bars["02"]["over_limit"], bars["02"]["abandoned"]) == (60, 60)
    assert (bars["04"]["state"], bars["04"]["waits"], bars["04"]["mean_wait_seconds"]) == (
        "missing",
        None,
        None,
    )
    assert bars["09"]["state"] == "ahead"


def test_a_counter_tells_when_it_was_attended_and_who_turned_in(client: TestClient) -> None:
    [counter] = get(client, "counters")["counters"]
    assert (counter["staff_now"], counter["attended_share"]) == (1, 0.75)
    assert [counter[f"{name}_seconds"] for name in ("attended", "unattended", "waiting", "observed")] == [
        45.0 * MINUTES, 15.0 * MINUTES, 6.0 * MINUTES, 60.0 * MINUTES,
    ]  # fmt: skip
    turn_in = counter["turn_in"]
    assert (turn_in["passers_by"], turn_in["turned_in"], turn_in["share"]) == (8 * MINUTES, MINUTES, 0.125)
    assert turn_in["share_95"]["low"] < 0.125 < turn_in["share_95"]["high"]


def test_a_turn_in_rate_of_few_passers_by_is_not_told(tmp_path: Path) -> None:
    box = island.island(tmp_path, minutes={"passers": 1}, began=TEN + 5 * 3600 + 12 * 60)
    [counter] = get(client_of(box), "counters")["counters"]
    box.store.close()
    assert counter["turn_in"] == {"passers_by": 17, "turned_in": 17, "share": None, "share_95": None}


def test_a_counter_without_an_aisle_has_no_rate_and_without_staff_no_attendance(known: Filled) -> None:
    drawn: Any = island.ZONES[0]
    zones = [{"id": "lancome", "role": "counter", "polygon": drawn["polygon"]}]
    [counter] = get(client_of(known, zones=zones), "counters")["counters"]
    assert counter["turn_in"] is None
    assert counter["staff_now"] is None


def test_an_area_tells_how_many_are_in_it_with_its_limit_and_what_was_corrected(client: TestClient) -> None:
    [area] = get(client, "occupancy")["areas"]
    assert (area["area"], area["now"], area["capacity"], area["peak"]) == ("shop", 10, 150, 12)
    assert (area["mean"], area["drift"]) == (10.0, -1)


def test_every_figure_tells_what_it_rests_on(client: TestClient) -> None:
    told = {
        name: get(client, name)[name][0]["quality"] for name in ("gates", "zones", "queues", "counters")
    } | {"areas": get(client, "occupancy")["areas"][0]["quality"], "today": get(client, "today")["quality"]}
    for name, quality in told.items():
        assert quality["coverage"] == pytest.approx(MINUTES / 329, abs=1e-3), name
        assert quality["fps"] == 10.0, name
        assert (quality["confidence"], quality["reasons"]) == ("fair", ["part_seen"]), name


def test_stays_that_do_not_match_the_presence_are_marked(other: Any) -> None:
    [dwell] = [
        zone["dwell"] for zone in get(other(presence=90.0), "zones")["zones"] if zone["zone"] == "lancome"
    ]
    assert dwell["low_confidence"] is True
    assert (dwell["mean_seconds"], dwell["little_seconds"]) == (45.0, 90.0)


def test_stays_that_match_it_are_not(client: TestClient) -> None:
    [dwell] = [zone["dwell"] for zone in get(client, "zones")["zones"] if zone["zone"] == "lancome"]
    assert (dwell["low_confidence"], dwell["little_seconds"]) == (False, 50.0)


def test_a_slow_picture_is_said(other: Any) -> None:
    [queue] = get(other(fps=2.0), "queues")["queues"]
    assert queue["quality"]["confidence"] == "poor"
    assert queue["quality"]["reasons"][0] == "slow"


def test_a_day_without_data_has_no_figures_at_all(client: TestClient) -> None:
    day = {"date": "2026-09-01"}
    [queue] = get(client, "queues", **day)["queues"]
    [counter] = get(client, "counters", **day)["counters"]
    [area] = get(client, "occupancy", **day)["areas"]
    for answer in (queue, counter, area):
        names = answer.keys() - {
            "camera", "queue", "counter", "area", "capacity", "limit_seconds", "quality", "hours",
            "observed_seconds",
        }  # fmt: skip
        assert {name: answer[name] for name in names} == dict.fromkeys(names), "missing is null, never 0"
        assert answer["quality"]["confidence"] == "none"
        assert answer["quality"]["reasons"] == ["nothing_seen"]


def test_the_heat_map_is_seconds_of_presence_by_cell(client: TestClient) -> None:
    found = get(client, "heat", camera="island", **{"from": iso(TEN), "to": iso(TEN + 600)})
    assert (found["unit"], found["cell"], found["observed_seconds"]) == ("frame", 1 / 24, 600.0)
    assert found["cells"] == [
        {"column": 10, "row": 15, "seconds": 300.0},
        {"column": 28, "row": 16, "seconds": 200.0},
        {"column": 31, "row": 23, "seconds": 20.0},
    ]


def test_heat_maps_of_two_stretches_add_up_to_that_of_both(client: TestClient) -> None:
    def seconds(begin: int, end: int) -> dict[tuple[int, int], float]:
        found = get(client, "heat", camera="island", **{"from": iso(begin), "to": iso(end)})
        return {(cell["column"], cell["row"]): cell["seconds"] for cell in found["cells"]}

    cut = TEN + 3 * 3600 + 7 * 60
    first, second, both = seconds(TEN, cut), seconds(cut, int(NOW)), seconds(TEN, int(NOW))
    assert both == {cell: first.get(cell, 0) + second.get(cell, 0) for cell in both}
    assert both[10, 15] == 30.0 * MINUTES


def test_a_heat_map_of_a_time_that_nobody_saw_says_so(client: TestClient) -> None:
    blind = {"from": iso(TEN + 7200), "to": iso(TEN + 10_800)}
    found = get(client, "heat", camera="island", **blind)
    assert (found["observed_seconds"], found["cells"]) == (0.0, [])


def test_events_are_told_with_their_length_and_in_words_on_request(client: TestClient) -> None:
    span = {"from": iso(TEN), "to": iso(NOW)}
    newest, queue, *_ = get(client, "events", **span)["events"]
    assert (newest["name"], newest["under_way"], newest["seconds"]) == ("counter_unattended", True, None)
    assert (queue["name"], queue["under_way"], queue["seconds"], queue["text"]) == (
        "queue_long",
        False,
        300.0,
        None,
    )
    [told] = get(client, "events", **span, name="queue_long", language="zh-CN")["events"]
    assert told["text"] == "line：排队太长，6 人，队伍已变短"


def test_events_can_be_asked_for_by_name_and_camera(client: TestClient) -> None:
    span = {"from": iso(TEN), "to": iso(NOW)}
    assert [e["name"] for e in get(client, "events", **span, name="opened_late")["events"]] == ["opened_late"]
    assert get(client, "events", **span, camera="door")["events"] == []
    assert len(get(client, "events", **span, camera="island")["events"]) == len(EVENTS)


@pytest.mark.parametrize("scope", ["queue", "counter", "heat", "occupancy"])
def test_windows_of_every_scope_can_be_asked_for(client: TestClient, scope: str) -> None:
    [found] = get(client, "windows", **{"from": iso(TEN), "to": iso(TEN + 60), "scope": scope})["minutes"]
    assert {window["scope"] for window in found["windows"]} == {scope}


@pytest.mark.parametrize(
    ("path", "query", "about"),
    [
        pytest.param("heat", {"from": iso(TEN), "to": iso(NOW)}, "camera", id="no camera"),
        pytest.param(
            "heat", {"camera": "nope", "from": iso(TEN), "to": iso(NOW)}, "camera", id="unknown camera"
        ),
        pytest.param(
            "heat", {"camera": "island", "from": iso(NOW - 5 * WEEK), "to": iso(NOW)}, "to", id="too long"
        ),
        pytest.param("heat", {"camera": "island", "from": iso(NOW), "to": iso(TEN)}, "to", id="backwards"),
        pytest.param(
            "events", {"from": iso(TEN), "to": iso(NOW), "language": "fr"}, "language", id="no such language"
        ),
        pytest.param(
            "events", {"from": iso(TEN), "to": iso(NOW), "name": "x" * 65}, "name", id="a name too long"
        ),
        pytest.param("queues", {"date": "2026-13-01"}, "date", id="no such month"),
    ],
)
def test_bad_questions_are_refused_in_one_line(
    client: TestClient, path: str, query: dict[str, Any], about: str
) -> None:
    answer = client.get(f"/api/v1/{path}", params=query)
    assert_refused(answer, 400, about)
    assert "\n" not in answer.json()["error"]


def test_the_openapi_document_names_the_new_answers(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    for path in ("queues", "counters", "occupancy", "heat"):
        answers = document["paths"][f"/api/v1/{path}"]["get"]["responses"]
        assert "$ref" in answers["200"]["content"]["application/json"]["schema"], path
    for name in ("Gate", "Zone", "Queue", "Counter", "Area", "Today"):
        assert "quality" in document["components"]["schemas"][name]["properties"], name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_for_doubt_has_words(language: str) -> None:
    assert {f"reason.{name}" for name in REASONS} <= catalogue(language).keys()
