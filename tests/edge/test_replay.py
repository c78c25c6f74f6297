"""A clip through the whole engine with the real default model: files, summary, pictures and truth."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.clip import Clip
from edge.errors import ConfigError
from edge.replay import Replay
from models.detector import load_detector
from models.errors import ModelsError
from models.manifest import DEFAULT, card
from models.pull import pull
from tests.build import boxes, layout
from tests.edge.test_cli import refused, storeedge

SITE = """\
site: {tenant: rainbow, store: sz, box: box-01}
cameras:
  - id: cam-1
    source: rtsp://u:${NEVER_SET}@10.0.0.21/stream2
    fps: 10
    gates:
      - {id: middle, line: [[0.47, 0.28], [0.43, 0.66]], inside: right}
      - {id: east, line: [[0.72, 0.26], [0.72, 0.78]], inside: right}
    zones:
      - {id: all, role: area, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}
      - {id: lawn, role: passby, polygon: [[.05, .55], [.9, .55], [.9, .95], [.05, .95]], min_stay: 3}
  - {id: cam-2, source: "usb:0"}
"""
CROSSING = {"kind", "camera", "gate", "direction", "t", "track", "inferred"}
VISIT = {"kind", "camera", "zone", "t_in", "t_out", "censored", "end_reason", "staff", "track"}
VEHICLE = {"kind", "lane", "direction", "t", "track", "camera", "wrong_way"}
WINDOW = {"kind", "scope", "camera", "id", "start", "observed_seconds"}
SECONDS = 8.0


@pytest.fixture(scope="session")
def default_model() -> None:
    """The default model lies here, or could be pulled."""
    try:
        load_detector()
    except ModelsError:
        try:
            pull(card(DEFAULT), lambda _words: None)
        except ModelsError as fault:
            pytest.skip(f"the default model is not here and cannot be pulled: {fault}")


@dataclass(frozen=True)
class Replayed:
    """What a replay left behind."""

    events: list[dict[str, Any]]
    windows: list[dict[str, Any]]
    summary: dict[str, Any]

    @staticmethod
    def of(out: Path, stdout: str) -> Replayed:
        return Replayed(
            lines(out / "events.jsonl"), lines(out / "windows.jsonl"), json.loads(stdout.splitlines()[-1])
        )

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]

    def of_scope(self, scope: str, name: str) -> list[dict[str, Any]]:
        return [window for window in self.windows if (window["scope"], window["id"]) == (scope, name)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def replayed(clip: Path, site: Path, out: Path, *options: str | Path) -> Replayed:
    done = storeedge("replay", clip, "--site", site, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no progress bar and no noise where nobody watches"
    return Replayed.of(out, done.stdout)


# ---- a short cut of real footage ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay")


@pytest.fixture(scope="module")
def site(folder: Path) -> Path:
    path = folder / "site.yaml"
    path.write_text(SITE)
    return path


@pytest.fixture(scope="module")
def cut(vtest: Path, folder: Path) -> Path:
    """Eight seconds in which people walk about."""
    path = folder / "cut.avi"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-ss",
        "2",
        "-i",
        str(vtest),
        "-t",
        str(SECONDS),
        "-c:v",
        "mpeg4",
        "-q:v",
        "2",
    ]
    subprocess.run([*command, str(path)], check=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def short(default_model: None, cut: Path, site: Path, folder: Path) -> Replayed:
    return replayed(cut, site, folder / "out", "--camera", "cam-1", "--annotate", folder / "seen.mp4")


def test_the_summary_tells_frames_seconds_time_spent_and_counts(short: Replayed) -> None:
    summary = short.summary
    assert summary.keys() == {
        "clip", "camera", "frames", "analysed", "inferred", "seconds", "wall_s", "cpu_s",
        "gates", "zones", "lanes", "plates", "queues", "counters", "turn_in", "u_turns", "parties", "events",
        "quality",
    }  # fmt: skip
    assert (summary["clip"], summary["camera"]) == ("cut.avi", "cam-1")
    assert summary["frames"] == summary["analysed"] == 80
    assert 0 < summary["inferred"] <= 80
    assert summary["seconds"] == pytest.approx(SECONDS, abs=0.15)
    assert summary["wall_s"] > 0
    assert summary["cpu_s"] > 0
    assert summary["gates"].keys() == {"middle", "east"}
    assert summary["zones"]["all"].keys() == {"visits", "passes", "dwell_mean_s"}


def test_events_have_the_keys_of_the_contract_and_times_within_the_clip(short: Replayed) -> None:
    keys = {"crossing": CROSSING, "visit": VISIT, "vehicle": VEHICLE}
    assert short.of_kind("visit"), "nobody was seen"
    for event in short.events:
        assert event.keys() == keys[event["kind"]]
        assert event["camera"] == "cam-1"
        for key in event.keys() & {"t", "t_in", "t_out"}:
            assert 0 <= event[key] <= SECONDS + 0.2


def test_visits_end_after_they_begin_and_those_still_there_are_closed(short: Replayed) -> None:
    for visit in short.of_kind("visit"):
        assert visit["t_in"] < visit["t_out"] <= SECONDS + 0.2
        assert visit["end_reason"] in {"left", "lost", "closed"}
        assert visit["censored"] or visit["end_reason"] == "left"
    assert any(visit["end_reason"] == "closed" and visit["censored"] for visit in short.of_kind("visit"))


def test_windows_have_the_keys_of_the_contract_one_for_each_thing_and_minute(short: Replayed) -> None:
    names = [(w["scope"], w["id"]) for w in short.windows]
    assert names == [
        ("camera", "cam-1"),
        ("gate", "middle"),
        ("gate", "east"),
        ("zone", "all"),
        ("zone", "lawn"),
        ("heat", "cam-1"),
    ]
    for window in short.windows:
        assert window.keys() > WINDOW
        assert (window["kind"], window["camera"], window["start"]) == ("window", "cam-1", 0)
        assert window["observed_seconds"] == pytest.approx(SECONDS, abs=0.15)
    assert short.windows[0]["frames"] == 80


def test_every_window_and_the_summary_say_how_far_they_may_be_trusted(short: Replayed) -> None:
    assert short.summary["quality"]["fps"] == pytest.approx(10, abs=0.3)
    assert short.summary["quality"]["coverage"] == pytest.approx(1, abs=0.03)
    for window in short.windows:
        if window["scope"] != "heat":
            # Eight seconds of its minute were seen.
            assert window["quality"]["confidence"] == "poor"
            assert window["quality"]["reasons"][0] == "part_seen"


def test_an_area_is_told_where_all_its_gates_are_the_clip_s_camera_s(
    default_model: None, cut: Path, site: Path, folder: Path
) -> None:
    areas = "areas: [{id: yard, gates: [cam-1/middle]}]\n"
    drawn = folder / "area.yaml"
    drawn.write_text(SITE + areas)
    found = replayed(cut, drawn, folder / "area", "--camera", "cam-1", "--fps", "5")
    (window,) = found.of_scope("occupancy", "yard")
    by = found.summary["gates"]["middle"]
    assert window["now"] == by["in"] - by["out"] - window["drift"] >= 0
    assert replayed(cut, drawn, folder / "none", "--camera", "cam-2", "--fps", "1").summary["gates"] == {}


def assert_sums_agree(found: Replayed) -> None:
    """Events, windows and summary say the same."""
    cameras = [w for w in found.windows if w["scope"] == "camera"]
    heat = sum(seconds for w in found.windows if w["scope"] == "heat" for _, _, seconds in w["cells"] or [])
    present = sum(w["person_seconds"] or 0 for w in cameras)
    assert heat == pytest.approx(
        present, abs=0.001 * sum(len(w.get("cells") or []) for w in found.windows) + 0.01
    )
    for name, by in found.summary["gates"].items():
        crossings = Counter(e["direction"] for e in found.of_kind("crossing") if e["gate"] == name)
        windows = found.of_scope("gate", name)
        assert {way: crossings[way] for way in ("in", "out")} == by
        assert {way: sum(w[way] or 0 for w in windows) for way in ("in", "out")} == by
    for name, tally in found.summary["zones"].items():
        stays = [e["t_out"] - e["t_in"] for e in found.of_kind("visit") if e["zone"] == name]
        windows = found.of_scope("zone", name)
        assert len(stays) == tally["visits"] == sum(w["visits"] or 0 for w in windows)
        assert sum(w["passes"] or 0 for w in windows) == tally["passes"]
        dwell = sum(sum(w["dwell"] or []) + sum(w["dwell_censored"] or []) for w in windows)
        assert dwell == len(stays)
        assert sum(w["dwell_seconds"] or 0 for w in windows) == pytest.approx(
            sum(stays), abs=0.02 * len(stays) + 0.01
        )
    for name, ways in found.summary["lanes"].items():
        vehicles = Counter(e["direction"] for e in found.of_kind("vehicle") if e["lane"] == name)
        windows = found.of_scope("lane", name)
        assert {way: vehicles[way] for way in ways} == ways
        assert {way: sum(w[way] or 0 for w in windows) for way in ways} == ways


def test_the_sum_of_the_windows_equals_the_events_and_the_summary(short: Replayed) -> None:
    assert_sums_agree(short)


def test_the_annotated_clip_plays_and_shows_what_was_drawn(short: Replayed, cut: Path, folder: Path) -> None:
    with Clip(folder / "seen.mp4") as seen, Clip(cut) as plain:
        assert seen.size == plain.size
        assert seen.rate == pytest.approx(10)
        changed = [
            float(np.mean(cv2.absdiff(a, b) > 60))
            for (_, a), (_, b) in zip(seen.frames(), plain.frames(), strict=True)
        ]
        assert seen.read == 80
        assert seen.seconds == pytest.approx(SECONDS, abs=0.15)
    assert min(changed) > 0.004, "every frame shows lines and words"


def test_half_the_frames_are_analysed_at_half_the_pace_and_twice_the_same(
    short: Replayed, cut: Path, site: Path, folder: Path
) -> None:
    half, again = (replayed(cut, site, folder / "half", "--camera", "cam-1", "--fps", "5") for _ in range(2))
    assert (half.summary["frames"], half.summary["analysed"]) == (80, 40)
    assert half.windows[0]["observed_seconds"] == pytest.approx(SECONDS, abs=0.25)
    people = [r.windows[0]["person_seconds"] / SECONDS for r in (short, half)]
    assert people[1] == pytest.approx(people[0], rel=0.25), people
    assert_sums_agree(half)
    assert (again.events, again.windows) == (half.events, half.windows)


def test_of_a_site_with_several_cameras_one_must_be_named(cut: Path, site: Path, folder: Path) -> None:
    line = refused(storeedge("replay", cut, "--site", site, "--out", folder / "x"))
    assert line == "storeedge: name a camera with --camera; the site file has: cam-1, cam-2"


def test_a_camera_without_gates_and_zones_is_replayed_all_the_same(
    default_model: None, cut: Path, site: Path, folder: Path
) -> None:
    bare = replayed(cut, site, folder / "bare", "--camera", "cam-2", "--fps", "1")
    assert (bare.events, bare.summary["gates"], bare.summary["zones"]) == ([], {}, {})
    assert [w["scope"] for w in bare.windows] == ["camera", "heat"]


@pytest.mark.parametrize(
    ("out", "annotate", "words"),
    [
        ("site.yaml", None, "cannot write to"),
        ("out2", "site.yaml/seen.mp4", "cannot write"),
        ("out2", "nowhere/seen.mp4", "name an .mp4 file in a folder that exists"),
        ("out2", "seen.txt", "name an .mp4 file"),
        ("out2", "cut.avi", "is the clip itself"),
    ],
)
def test_where_nothing_can_be_written_it_says_so_in_one_line(
    default_model: None, cut: Path, site: Path, folder: Path, *, out: str, annotate: str | None, words: str
) -> None:
    before = cut.read_bytes()
    options: list[str | Path] = ["--annotate", folder / annotate] if annotate else []
    line = refused(
        storeedge("replay", cut, "--site", site, "--out", folder / out, "--camera", "cam-1", *options)
    )
    assert words in line
    assert cut.read_bytes() == before


def test_a_clip_that_was_cut_off_is_replayed_with_a_word_about_it(
    default_model: None, vtest: Path, site: Path, folder: Path
) -> None:
    torn = folder / "torn.avi"
    torn.write_bytes(vtest.read_bytes()[:300_000])
    done = storeedge("replay", torn, "--site", site, "--out", folder / "torn", "--camera", "cam-1")
    assert done.returncode == 0
    assert "of the 795 frames that its header promises; it may be cut off" in done.stderr
    assert json.loads(done.stdout)["frames"] < 100


def test_in_real_time_a_clip_takes_as_long_as_it_was_filmed(cut: Path, folder: Path) -> None:
    class Blind:
        def detect(self, image: object) -> Any:
            return boxes()

    with Clip(cut) as clip:
        frames = clip.frames

        def first_second(fps: float | None = None) -> Any:
            for t, image in frames(fps):
                if t > 1.05:
                    return
                yield t, image

        clip.frames = first_second  # type: ignore[method-assign]
        summary = Replay(clip, layout(), Blind(), folder / "slow", 10, realtime=True).run()
    assert 1.0 <= summary["wall_s"] < 3.0


def test_the_clip_itself_is_never_drawn_over(cut: Path, folder: Path) -> None:
    with Clip(cut) as clip, pytest.raises(ConfigError, match="is the clip itself"):
        Replay(clip, layout(), load_detector, folder / "x", 10, annotate=folder / "." / "cut.avi")  # type: ignore[arg-type]


# ---- footage with truth ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_six_people_one_after_another_are_six_visits_with_ends_within_a_second(
    default_model: None, shared: Path, tmp_path: Path
) -> None:
    truth = json.loads((shared / "footage" / "truth.json").read_text())["one-by-one.mp4"]["visits"]
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: {tenant: t, store: s, box: b}\n"
        "cameras: [{id: cam-1, source: 'usb:0', zones: "
        "[{id: room, role: area, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}]}]\n"
    )
    found = replayed(shared / "footage" / "one-by-one.mp4", site, tmp_path / "out")
    assert_sums_agree(found)
    visits = found.of_kind("visit")
    ends = [
        (round(v["t_in"] - t["t_in"], 2), round(v["t_out"] - t["t_out"], 2))
        for v, t in zip(visits, truth, strict=False)
    ]
    assert len(visits) == len(truth), visits
    assert all(max(abs(a), abs(b)) <= 1.0 for a, b in ends), ends
    assert np.mean(np.abs(ends)) <= 0.5, ends


@pytest.mark.slow
@pytest.mark.parametrize("fps", ["10", "5"])
def test_four_cars_from_above_are_four_vehicles_each_in_its_direction(
    default_model: None, shared: Path, tmp_path: Path, fps: str
) -> None:
    truth = json.loads((shared / "footage" / "truth.json").read_text())["car-detection.mp4"]["vehicles"]
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: {tenant: t, store: s, box: b}\ncameras: [{id: cam-9, source: 'usb:0'}]\n"
        "lanes: [{id: exit-1, direction: exit, camera: cam-9, heading: down}]\n"
    )
    found = replayed(shared / "footage" / "car-detection.mp4", site, tmp_path / "out", "--fps", fps)
    assert_sums_agree(found)
    for way in ("up", "down"):
        seen = sorted(v["t"] for v in found.of_kind("vehicle") if v["direction"] == way)
        true = [v["t_middle"] for v in truth if v["direction"] == way]
        assert seen == pytest.approx(true, abs=1.0), (way, found.of_kind("vehicle"))
    assert len(found.of_kind("vehicle")) == len(truth)
    assert [v["wrong_way"] for v in found.of_kind("vehicle")] == [
        v["direction"] == "up" for v in found.of_kind("vehicle")
    ]
