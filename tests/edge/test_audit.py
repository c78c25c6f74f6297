"""`storeedge audit` as a person runs it: files that people really write, one plain line for what is wrong."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from edge.audit.hand_count import read_truth
from edge.audit.standing import drawing_of, standing
from edge.cli import app
from edge.errors import AuditError, StoreError
from edge.store import Store
from edge.store.audits import Audit
from pipelines.audit import Tally
from pipelines.layout import CameraLayout, Floor, Gate
from pipelines.records import Direction

TRUTH = "gate,direction,t\ndoor,in,10.0\ndoor,in,20.5\ndoor,out,0:00:30\ndoor,out,00:01:00.5\n"


def line(t: float, direction: str = "in", gate: str = "door", camera: str = "cam-1") -> str:
    return json.dumps(
        {"kind": "crossing", "camera": camera, "gate": gate, "direction": direction, "t": t, "track": 1,
         "inferred": False}
    )  # fmt: skip


EVENTS = "\n".join(
    [line(10.4), line(21.0), '{"kind":"pulse"}', line(30.0, "out"), line(99.0, gate="side"), ""]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "truth.csv").write_text(TRUTH, encoding="utf-8")
    (tmp_path / "events.jsonl").write_text(EVENTS, encoding="utf-8")
    return tmp_path


def audit(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(
        app, ["audit", "score", str(folder / "truth.csv"), str(folder / "events.jsonl"), *options]
    )


def score(folder: Path, *options: str) -> dict[str, dict[str, object]]:
    """The answer for programs by direction, at the gate `door`."""
    done = audit(folder, "--json", *options)
    assert done.exit_code == 0, done.output + repr(done.exception)
    answer = json.loads(done.stdout)
    assert {row["gate"] for row in answer["gates"]} == {"door"}
    return {row["direction"]: row for row in answer["gates"]}


def refused(folder: Path, *options: str) -> str:
    done = audit(folder, *options)
    assert done.exit_code != 0
    assert isinstance(done.exception, AuditError), repr(done.exception)
    said = str(done.exception)
    assert "\n" not in said
    return said


def test_a_hand_count_is_compared_with_a_replay(folder: Path) -> None:
    found = score(folder)
    into, out = found["in"], found["out"]
    assert (into["true"], into["matched"], into["false"], into["bias"]) == (2, 2, 0, 0.0)
    assert (out["true"], out["matched"], out["missed"], out["bias"]) == (2, 1, 1, -0.5)
    assert out["verdict"] == "undecided"


def test_a_person_reads_a_table_and_what_to_do(folder: Path) -> None:
    said = audit(folder).stdout
    assert "door in  door out" in " ".join(said.split("\n")[0].split()).replace(" door out", "  door out")
    assert "door in: undecided: 2 crossings: too few to say; count about " in said
    assert "side" not in said, "nobody watched that gate"


def test_a_replays_folder_may_be_named_instead_of_its_file(folder: Path) -> None:
    done = CliRunner().invoke(app, ["audit", "score", str(folder / "truth.csv"), str(folder)])
    assert done.exit_code == 0


def test_the_tolerance_is_the_readers(folder: Path) -> None:
    assert score(folder, "--tolerance", "0.3")["in"]["matched"] == 0


def test_a_part_of_the_clip_may_be_watched(folder: Path) -> None:
    found = score(folder, "--from", "0", "--to", "0:00:25")
    assert (found["in"]["true"], found["in"]["counted"]) == (2, 2)
    assert (found["out"]["true"], found["out"]["counted"]) == (0, 0)


def test_times_of_day_fit_a_clip_whose_beginning_is_known(folder: Path) -> None:
    (folder / "truth.csv").write_text(
        "gate,direction,t\ndoor,in,2026-11-22T10:00:10+08:00\ndoor,in,2026-11-22T02:00:20.5Z\n"
    )
    assert "say when the clip began with --starts" in refused(folder)
    assert score(folder, "--starts", "2026-11-22T10:00:00+08:00")["in"]["matched"] == 2


def test_seconds_fit_counts_with_utc_times_when_their_beginning_is_known(folder: Path) -> None:
    (folder / "truth.csv").write_text("gate,direction,t\ndoor,in,5\n")
    (folder / "events.jsonl").write_text(line(1_790_000_005.3))
    assert "say when the clip began with --starts" in refused(folder)
    assert score(folder, "--starts", "2026-09-21T14:13:20Z")["in"]["matched"] == 1


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("\ufeffgate,direction,t\ndoor,in,10\n".encode(), id="with Excel's byte order mark"),
        pytest.param(b"Gate;Direction;T\r\ndoor;IN;10\r\n", id="with semicolons and capitals"),
        pytest.param(b"t,who,gate,direction\n0:00:10,Li,door,in\n", id="in another order, with more columns"),
        pytest.param(b"gate,direction,t\n\n door , in , 10.0 \n,,\n", id="with empty lines and blanks"),
    ],
)
def test_hand_counts_are_read_as_people_write_them(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "truth.csv").write_bytes(written)
    [count] = read_truth(tmp_path / "truth.csv").counts
    assert (count.gate, count.direction, count.t) == ("door", "in", 10.0)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("gate,direction,t\ndoor,in,1\ndoor,inn,2\n", "line 3: direction 'inn'; write in or out"),
        ("gate,direction,t\ndoor,in,soon\n", "line 2: time 'soon'; write seconds (75.5), H:MM:SS"),
        ("gate,direction,t\ndoor,in,-4\n", "line 2: time '-4'"),
        ("gate,direction,t\ndoor,in,0:61:00\n", "line 2: time '0:61:00'"),
        ("gate,direction,t\ndoor,in,nan\n", "line 2: time 'nan'"),
        ("gate,direction,t\ndoor,in,2026-11-22T10:00:10\n", "line 2: time '2026-11-22T10:00:10' has no"),
        ("gate,direction,t\n,in,4\n", "line 2: no gate; write its id as in the site file"),
        ("gate,direction,t\ndoor,in\n", "line 2: time ''"),
        ("gate,direction,t\ndoor,in,4\ndoor,in,2026-11-22T10:00Z\n", "line 3: another kind of time"),
        ("gate,t\ndoor,4\n", "line 1: no column direction; begin with gate,direction,t"),
        ("door,in,4\n", "line 1: no column gate and no column direction and no column t"),
        ("gate,direction,t\n", "holds no hand count"),
        ("", "line 1: no column gate"),
        ("gate,direction,t\nSide,in,4\n", "names Side, the counts only door, side; use the gate ids"),
    ],
)  # fmt: skip
def test_a_wrong_hand_count_is_one_line_with_its_number(folder: Path, written: str, said: str) -> None:
    (folder / "truth.csv").write_text(written)
    assert said in refused(folder)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{", "line 1 is no JSON; is the file cut off?"),
        (line(1.0) + "\n[1]\n", "line 2 is no record of a replay"),
        ('{"kind":"crossing","gate":"door","direction":"up","t":1}', "line 1: a crossing needs `gate`"),
        ('{"kind":"crossing","gate":"door","direction":"in","t":NaN}', "line 1: `t` must be a time"),
        ('{"kind":"crossing","gate":"door","direction":"in"}', "line 1: a crossing needs"),
        (line(1.0) + "\n" + line(2.0, camera="cam-2"), "several cameras have a gate door"),
    ],
)
def test_wrong_events_are_one_line_with_their_number(folder: Path, written: str, said: str) -> None:
    (folder / "events.jsonl").write_text(written)
    assert said in refused(folder)


def test_missing_files_are_named(folder: Path) -> None:
    (folder / "events.jsonl").unlink()
    assert "events.jsonl: No such file or directory; name the events.jsonl of a replay" in refused(folder)
    (folder / "truth.csv").write_bytes("gate,direction,t\n大门,in,4\n".encode("gbk"))
    assert "is no UTF-8 text; save it as CSV UTF-8" in refused(folder)
    (folder / "truth.csv").unlink()
    assert "truth.csv: No such file or directory; name a CSV file" in refused(folder)


def test_a_counter_that_counted_nobody_missed_everybody(folder: Path) -> None:
    (folder / "events.jsonl").write_text("")
    assert [row["recall"] for row in score(folder).values()] == [0.0, 0.0]


@pytest.mark.parametrize(
    "options", [("--from", "9", "--to", "3"), ("--from", "2026-11-22T10:00Z"), ("--to", "x")]
)
def test_a_stretch_that_cannot_be_is_refused(folder: Path, options: tuple[str, ...]) -> None:
    assert refused(folder, *options).startswith("--")


@given(st.lists(st.tuples(st.sampled_from(["in", "out"]), st.integers(0, 359_999)), min_size=1, max_size=20))
def test_a_clock_time_is_the_same_as_its_seconds(counts: list[tuple[str, int]]) -> None:
    def read(rows: list[str]) -> list[tuple[str, float]]:
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write("\n".join(["gate,direction,t", *rows]))
            file.flush()
            return [(one.direction, one.t) for one in read_truth(Path(file.name)).counts]

    as_seconds = [f"door,{way},{t / 10}" for way, t in counts]
    as_clock = [
        f"door,{way},{t // 36_000}:{t // 600 % 60:02}:{t // 10 % 60:02}.{t % 10}" for way, t in counts
    ]
    for a, b in zip(read(as_seconds), read(as_clock), strict=True):
        assert a[0] == b[0]
        assert a[1] == pytest.approx(b[1])


# ---- what is kept ---------------------------------------------------------------------------------------

DRAWN = CameraLayout("cam-1", gates=(Gate("door", (0.5, 0.2), (0.5, 0.8), "right"),))
NOW = drawing_of(DRAWN, "door")


def kept(
    direction: Direction = "in", *, true: int = 400, missed: int = 4, day: float = 100, drawing: str = NOW
) -> Audit:
    began = day * 86_400
    tally = Tally(true=true, missed=missed, minutes=60, errors_squared=missed)
    return Audit("cam-1", "door", direction, began, began + 600, drawing, "Li", began + 610, tally)


def test_a_gate_that_nobody_counted_was_never_checked() -> None:
    assert standing([], NOW).state == "never"


def test_audits_of_the_same_drawing_count_together() -> None:
    found = standing([kept(true=60, missed=0, day=day) for day in (98, 99, 100)], NOW)
    assert (found.state, found.true, found.verdict, found.at) == ("checked", 180, "pass", 100 * 86_400 + 600)
    assert standing([kept(true=60, missed=0)], NOW).verdict == "undecided"


def test_an_older_drawing_says_nothing_about_todays_counts() -> None:
    found = standing([kept(drawing="another")], NOW)
    assert (found.state, found.true, found.accuracy) == ("outdated", 0, None)
    assert standing([kept(drawing="another", day=101), kept()], NOW).true == 400
    assert standing([kept()], None).state == "outdated", "the gate is drawn nowhere any more"


def test_audits_of_another_season_do_not_count() -> None:
    assert standing([kept(day=1), kept(day=100)], NOW).true == 400


def test_the_worse_direction_is_told() -> None:
    """Ten in too few and ten out too many would cancel out."""
    found = standing([kept(missed=0), kept("out", missed=40)], NOW)
    assert found.verdict == "fail"
    assert found.accuracy is not None
    assert found.accuracy.high < 0.95


def test_few_crossings_say_little_and_how_many_more() -> None:
    found = standing([kept(true=12, missed=0)], NOW)
    assert (found.state, found.true, found.more_needed) == ("few", 12, 120)
    nobody = standing([kept(true=0, missed=0)], NOW)
    assert (nobody.state, nobody.true, nobody.more_needed) == ("few", 0, 140)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"gates": (Gate("door", (0.5, 0.2), (0.51, 0.8), "right"),)}, id="the line"),
        pytest.param({"gates": (Gate("door", (0.5, 0.2), (0.5, 0.8), "left"),)}, id="the side"),
        pytest.param({"mask": (((0.0, 0.0), (0.1, 0.0), (0.1, 0.1)),)}, id="the mask"),
        pytest.param({"floor": Floor(((0, 0),) * 4, ((0, 0),) * 4)}, id="the floor"),
    ],
)
def test_a_redrawn_gate_has_another_digest(changed: dict[str, Any]) -> None:
    assert drawing_of(replace(DRAWN, **changed), "door") != NOW


def test_another_gate_beside_it_leaves_the_digest(tmp_path: Path) -> None:
    more = (*DRAWN.gates, Gate("side", (0.1, 0.2), (0.1, 0.8), "right"))
    assert drawing_of(replace(DRAWN, gates=more), "door") == NOW


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "box.sqlite3", tenant="rainbow", store="sz", box="box-01") as store:
        store.add_audits([kept(), kept("out", day=101, drawing="another")])
    (tmp_path / "site.yaml").write_text(
        "site: {tenant: rainbow, store: sz, box: box-01}\n"
        "cameras: [{id: cam-1, source: 'usb:0', "
        "gates: [{id: door, line: [[.5, .2], [.5, .8]], inside: right}]}]\n"
    )
    return tmp_path


def audits(*options: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", "list", *map(str, options)])


def test_kept_audits_are_listed_newest_first(data: Path) -> None:
    done = audits("--data", data)
    head, first, second = done.stdout.splitlines()
    assert head.startswith("when (UTC)")
    assert first.split()[:5] == ["1970-04-12", "00:00", "cam-1", "door", "out"]
    assert second.split()[-2:] == ["pass", "Li"]


def test_a_program_is_told_which_are_outdated(data: Path) -> None:
    rows = json.loads(audits("--data", data, "--site", data / "site.yaml", "--json").stdout)
    assert [(row["direction"], row["outdated"], row["true"]) for row in rows] == [
        ("out", True, 400), ("in", False, 400),
    ]  # fmt: skip
    assert rows[1]["begun"] == "1970-04-11T00:00:00.000Z"
    without = json.loads(audits("--data", data, "--json").stdout)
    assert [row["outdated"] for row in without] == [None, None]


def test_a_box_without_audits_says_so_and_one_that_is_not_there_too(tmp_path: Path) -> None:
    assert isinstance(audits("--data", tmp_path).exception, StoreError)
    Store.open(tmp_path / "box.sqlite3", tenant="rainbow", store="sz", box="box-01").close()
    assert audits("--data", tmp_path).stdout == "no audit yet: count at the box's page /audit\n"
    assert audits("--data", tmp_path, "--json").stdout == "[]\n"


def test_a_clip_is_replayed_and_compared_in_one_command(data: Path) -> None:
    """Nobody walks through a grey picture, so all three are missed; the folder of the replay is gone."""
    clip = data / "grey.mp4"
    source = "color=gray:d=3:r=5:s=128x96"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, str(clip)], check=True, timeout=60)
    (data / "truth.csv").write_text("gate,direction,t\ndoor,in,0.5\ndoor,in,1\ndoor,out,0:00:02\n")
    done = CliRunner().invoke(
        app,
        ["audit", "clip", str(clip), "--site", str(data / "site.yaml"), "--json",
         "--truth", str(data / "truth.csv")],
    )  # fmt: skip
    assert done.exit_code == 0, repr(done.exception)
    rows = json.loads(done.stdout)["gates"]
    assert [(row["direction"], row["true"], row["missed"]) for row in rows] == [("in", 2, 2), ("out", 1, 1)]
    assert not list(Path(tempfile.gettempdir()).glob("storeedge-audit-*"))
