"""Every fault of a site file is told with its line, its key and what to do, and never with a password."""

# ruff: noqa: E501 - a table of cases reads best with a case in a row
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import check_site, load_site
from edge.errors import ConfigError

PASSWORD = "hunter2"
GOOD = """\
site: {tenant: rainbow, store: sz-futian, box: box-01}
cameras:
  - id: cam-1
    source: rtsp://admin:hunter2@10.0.0.21/stream2
    gates:
      - {id: door, line: [[.5, .2], [.5, .8]], inside: right}
    zones:
      - {id: till, role: queue, polygon: [[.1, .1], [.4, .1], [.4, .4]]}
      - {id: counter, role: counter, polygon: [[.5, .5], [.9, .5], [.9, .9]]}
lanes:
  - {id: exit-1, direction: exit, camera: cam-1}
sync: {url: mqtts://broker.example:8883}
"""
FLOOR = "floor: {image: [[.1, .9], [.9, .9], [.6, .5], [.4, .5]], metres: [[0, 0], [4, 0], [4, 6], [0, 6]]}"
"""Its horizon lies at y = .4."""


def told(tmp_path: Path, text: str | bytes) -> list[str]:
    path = tmp_path / "site.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [str(fault) for fault in check_site(path)[1]]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1, old
    return GOOD.replace(old, new, 1)


def test_the_good_file_of_these_tests_has_no_fault(tmp_path: Path) -> None:
    assert told(tmp_path, GOOD) == []


CASES = [
    # keys
    pytest.param("    gates:", "    gate:", 5, "cameras[0].gate", "unknown key", "did you mean `gates`?", id="a misspelt key"),
    pytest.param("tenant: rainbow,", "tennant: rainbow,", 1, "site.tennant", "unknown key", "did you mean `tenant`?", id="a misspelt key of the site"),
    pytest.param("lanes:", "webhook: {}\nlanes:", 10, "webhook", "unknown key", "known here: site, patrol, model, cameras", id="a key that is like none"),
    pytest.param("tenant: rainbow, ", "", 1, "site.tenant", "missing", "config example", id="a missing key"),
    pytest.param(", inside: right", "", 6, "cameras[0].gates[0].inside", "missing", "config example", id="a gate without an inside"),
    pytest.param("    source: rtsp", "    id: cam-2\n    source: rtsp", 4, "", "the key id stands here a second time", "keep one", id="a key given twice"),
    pytest.param("tenant:", "1:", 1, "", "a key that is no word", "quotes", id="a number for a key"),
    pytest.param("lanes:", "? [a, b]\n: c\nlanes:", 10, "", "a key that is no word", "quotes", id="a list for a key"),
    # ids
    pytest.param("id: counter", "id: till", 9, "cameras[0].zones[1].id", "the id till is used twice", "its own", id="two zones of one id"),
    pytest.param("id: till", "id: door", 8, "cameras[0].zones[0].id", "the id door is used twice", "its own", id="a zone with a gate's id"),
    pytest.param("lanes:", "  - {id: cam-1, source: usb:0}\nlanes:", 10, "cameras[1].id", "the id cam-1 is used twice", "its own", id="two cameras of one id"),
    pytest.param("sync:", "  - {id: exit-1, direction: exit}\nsync:", 12, "lanes[1].id", "the id exit-1 is used twice", "its own", id="two lanes of one id"),
    pytest.param("id: door", "id: Front door", 6, "cameras[0].gates[0].id", "is no id", "small letters", id="an id with capitals and a space"),
    pytest.param("box: box-01", "box: 01", 1, "site.box", "must be text", "quotes", id="an id that YAML takes for a number"),
    pytest.param("camera: cam-1", "camera: cam-9", 11, "lanes[0].camera", "there is no camera cam-9", "cameras here: cam-1", id="a lane of an unknown camera"),
    # types and ranges
    pytest.param("    gates:", "    fps: fast\n    gates:", 5, "cameras[0].fps", "must be a number", "such as 10", id="a word for a number"),
    pytest.param("    gates:", "    fps: yes\n    gates:", 5, "cameras[0].fps", "must be a number", "such as 10", id="yes for a number"),
    pytest.param("    gates:", "    fps: '10'\n    gates:", 5, "cameras[0].fps", "must be a number", "without quotes", id="a number in quotes"),
    pytest.param("    gates:", "    fps: 0\n    gates:", 5, "cameras[0].fps", "must be more than 0", "", id="no frames a second"),
    pytest.param("    gates:", "    fps: 600\n    gates:", 5, "cameras[0].fps", "must be at most 60", "", id="too many frames a second"),
    pytest.param("role: queue,", "role: queue, min_stay: -1,", 8, "cameras[0].zones[0].min_stay", "must be at least 0", "", id="a stay below nothing"),
    pytest.param("role: queue,", "role: queue, min_stay: .nan,", 8, "cameras[0].zones[0].min_stay", "finite", "", id="a stay that is no number"),
    pytest.param("inside: right", "inside: rite", 6, "cameras[0].gates[0].inside", "must be one of 'left' or 'right'", "", id="a side that is none"),
    pytest.param("role: queue", "role: till", 8, "cameras[0].zones[0].role", "must be one of 'counter', 'queue'", "", id="a role that is none"),
    pytest.param("direction: exit", "direction: out", 11, "lanes[0].direction", "must be one of 'entry' or 'exit'", "", id="a lane's direction that is none"),
    pytest.param("cameras:\n", "cameras: one\nx:\n", 2, "cameras", "must be a list", "hyphen", id="a word for a list"),
    pytest.param("site: {tenant: rainbow, store: sz-futian, box: box-01}", "site: rainbow", 1, "site", "must have keys of its own", "config example", id="a word for a mapping"),
    # drawings
    pytest.param("[[.5, .2], [.5, .8]]", "[[.5, .2], [.5, .2]]", 6, "cameras[0].gates[0].line", "the two ends are the same place", "whole doorway", id="a gate of no length"),
    pytest.param("[[.5, .2], [.5, .8]]", "[[.5, .2]]", 6, "cameras[0].gates[0].line", "too short", "[[x, y], [x, y]]", id="a gate of one point"),
    pytest.param("[[.5, .2], [.5, .8]]", "[[.5, .2], [.5, .8], [1, 1]]", 6, "cameras[0].gates[0].line", "too many", "[[x, y], [x, y]]", id="a gate of three points"),
    pytest.param("[[.5, .2], [.5, .8]]", "[[500, 200], [.5, .8]]", 6, "cameras[0].gates[0].line[0][0]", "must be at most 1", "fractions of the frame", id="a gate in pixels"),
    pytest.param("[[.1, .1], [.4, .1], [.4, .4]]", "[[.1, .1], [.4, .4]]", 8, "cameras[0].zones[0].polygon", "needs at least 3 points", "[x, y]", id="a polygon of two corners"),
    pytest.param("[[.1, .1], [.4, .1], [.4, .4]]", "[[.1, .1], [.4, .4], [.4, .1], [.1, .4]]", 8, "cameras[0].zones[0].polygon", "crosses itself", "in order", id="a polygon that crosses itself"),
    pytest.param("    gates:", "    mask: [[[0, 0], [1, 1], [1, 0], [0, 1]]]\n    gates:", 5, "cameras[0].mask[0]", "crosses itself", "in order", id="a mask that crosses itself"),
    pytest.param("    gates:", "    mask: [[0, 0], [1, 1], [1, 0]]\n    gates:", 5, "cameras[0].mask[0][0]", "must be a point or line", "[x, y]", id="a mask that is one polygon, not a list of them"),
    pytest.param("    gates:", f"    {FLOOR.replace(', [0, 6]]', ']')}\n    gates:", 5, "cameras[0].floor.metres", "at least 4", "", id="a floor of three places"),
    pytest.param("    gates:", f"    {FLOOR.replace(', [0, 6]]', ', [0, 6], [2, 2]]')}\n    gates:", 5, "cameras[0].floor", "same number of points", "one for each", id="a floor with a place too many"),
    pytest.param("    gates:", f"    {FLOOR.replace('[.9, .9], [.6, .5]', '[.6, .5], [.9, .9]')}\n    gates:", 5, "cameras[0].floor", "`image` lie in a line or cross", "around the floor", id="a floor listed across"),
    pytest.param("    gates:", f"    {FLOOR}\n    gates:", 7, "cameras[0].gates[0].line", "above the horizon", "draw on the floor", id="a gate above the measured floor's horizon"),
    # other values
    pytest.param("box: box-01", "box: box-01, timezone: Asia/Shenzen", 1, "site.timezone", "no such time zone", "Asia/Shanghai", id="an unknown time zone"),
    pytest.param("box: box-01", "box: box-01, timezone: ../../etc/passwd", 1, "site.timezone", "no such time zone", "Asia/Shanghai", id="a path for a time zone"),
    pytest.param("box: box-01", "box: box-01, opening_hours: {mon: 10-22}", 1, "site.opening_hours", "hours are written like", "closed", id="hours without minutes"),
    pytest.param("box: box-01", "box: box-01, opening_hours: {mon: 10:00}", 1, "site.opening_hours.mon", "must be text", "quotes", id="an hour that YAML takes for a number"),
    pytest.param("box: box-01", "box: box-01, opening_hours: {workdays: 10:00-22:00}", 1, "site.opening_hours", "no such day: workdays", "mon-fri", id="a day that is none"),
    pytest.param("rtsp://admin:hunter2@10.0.0.21/stream2", "http://admin:hunter2@10.0.0.21/", 4, "cameras[0].source", "not a source", "rtsp://", id="a source of another kind"),
    pytest.param("mqtts://broker.example:8883", "broker.example:8883", 12, "sync.url", "must begin with mqtt:// or mqtts://", "such as", id="a broker without a scheme"),
    pytest.param("mqtts://broker.example:8883", "mqtts://u:hunter2@broker.example:port", 12, "sync.url", "port must be a number", "such as", id="a broker's port that is none"),
    pytest.param("mqtts://broker.example:8883}", "mqtts://broker.example:8883, cert: box.crt}", 12, "sync", "cert and key belong together", "", id="a certificate without its key"),
    # YAML
    pytest.param("    gates:", "\tgates:", 5, "", "a tab", "indent with spaces", id="a tab"),
    pytest.param("inside: right}", "inside: right", 6, "", "", "brackets", id="a bracket that is not closed"),
    pytest.param("source: rtsp", 'source: "rtsp', 4, "", "unexpected end", "quotes", id="a quote that is not closed"),
    pytest.param("    source: rtsp://admin:hunter2@10.0.0.21/stream2", "    source: rtsp://admin:hunter2: x", 4, "", "not allowed here", "colons", id="a colon too many"),
    pytest.param("id: cam-1", "id: *cam", 3, "", "a * or &", "quotes", id="an alias"),
    pytest.param("id: cam-1", "id: !!python/object/apply:os.getcwd []", 3, "", "a ! or <<", "quotes", id="a tag that would run code"),
    pytest.param("lanes:", "---\nlanes:", 10, "", "a second document", "take out", id="two documents"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "key", "message", "remedy"), CASES)
def test_a_fault_names_its_line_its_key_and_what_to_do(
    tmp_path: Path, *, old: str, new: str, line: int, key: str, message: str, remedy: str
) -> None:
    faults = told(tmp_path, changed(old, new))
    where = f"line {line}: {key}: " if key else f"line {line}: "
    (fault,) = [fault for fault in faults if fault.startswith(where)][:1] or [f"{where!r} is not in {faults}"]
    assert message in fault
    assert remedy in fault
    assert PASSWORD not in " ".join(faults)
    assert all("\n" not in fault and len(fault) < 200 for fault in faults)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "the file is empty or no mapping (write one: storeedge config example)", id="empty"),
        pytest.param("# only words\n", "the file is empty or no mapping", id="only a comment"),
        pytest.param("- a\n- b\n", "the file is empty or no mapping", id="a list"),
        pytest.param("hello", "the file is empty or no mapping", id="a word"),
        pytest.param(b"\xff\xfes\x00i\x00", "no UTF-8 text (save it as a text file in UTF-8)", id="UTF-16"),
        pytest.param("site: \x00\n", "line 1: a character that no text has", id="a zero byte"),
        pytest.param("[" * 5000, "nested too deep", id="five thousand brackets"),
        pytest.param(
            "site: &s {tenant: *s}\n", "line 1: a part that contains itself", id="a site inside itself"
        ),
    ],
)
def test_what_is_no_site_file_at_all_is_told_in_one_line(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    (fault,) = told(tmp_path, text)
    assert fault.startswith(words), fault


def test_a_missing_file_says_where_it_was_looked_for_and_how_to_write_one(tmp_path: Path) -> None:
    (fault,) = check_site(tmp_path / "none.yaml")[1]
    assert str(fault) == f"no site file at {tmp_path}/none.yaml (write one: storeedge config example)"


def test_a_folder_is_no_site_file(tmp_path: Path) -> None:
    (fault,) = check_site(tmp_path)[1]
    assert str(fault).startswith("cannot be read: Is a directory")


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = changed("inside: right", "inside: rite").replace("role: queue", "roll: queue")
    assert [re.sub(r" \(.*", "", fault) for fault in told(tmp_path, text)] == [
        "line 6: cameras[0].gates[0].inside: must be one of 'left' or 'right'",
        "line 8: cameras[0].zones[0].role: missing",
        "line 8: cameras[0].zones[0].roll: unknown key",
    ]


def test_loading_names_the_first_fault_and_where_to_see_the_others(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(changed("inside: right", "inside: rite").replace("role: queue", "roll: queue"))
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    assert str(caught.value) == (
        f"{path}: line 6: cameras[0].gates[0].inside: must be one of 'left' or 'right' "
        f"and 2 more: storeedge config check {path}"
    )


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(("source: rtsp://admin:hunter2@10.0.0.21/stream2", "rtsp://admin:hunter2@10.0.0.21/: x"), id="as a key"),
        pytest.param(("source: rtsp://admin:hunter2@10.0.0.21/stream2", "{rtsp://admin:hunter2@10.0.0.21/}"), id="in braces"),
        pytest.param(("id: cam-1\n", "id: cam-1\n    rtsp://hunter2@a/: 1\n    rtsp://hunter2@a/: 2\n"), id="as a key given twice"),
        pytest.param(("id: cam-1", "id: hunter2@"), id="as an id"),
        pytest.param(("id: cam-1", "id: !hunter2 x"), id="as a tag"),
        pytest.param(("id: cam-1", "id: *hunter2"), id="as an alias"),
        pytest.param(("id: cam-1", "id: &hunter2"), id="as an anchor"),
        pytest.param(("inside: right", "inside: hunter2"), id="as a side"),
        pytest.param(("url: mqtts://broker.example:8883", "url: mqtts://u:hunter2@b/x y"), id="in the broker's address"),
        pytest.param(("tenant: rainbow", "tenant: [hunter2]"), id="in a list"),
    ],
)  # fmt: skip
def test_a_password_in_the_wrong_place_is_not_repeated(tmp_path: Path, where: tuple[str, str]) -> None:
    faults = told(tmp_path, changed(*where))
    assert faults
    assert PASSWORD not in " ".join(faults), faults


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["cam-1", "left"]),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
keys = st.sampled_from(
    [
        "site",
        "cameras",
        "lanes",
        "sync",
        "model",
        "coupons",
        "id",
        "source",
        "gates",
        "zones",
        "floor",
        "mask",
    ]
)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_the_file_is_a_fault_or_a_site_and_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    import yaml

    whole: dict[str, Any] = yaml.safe_load(GOOD)
    target: Any = data.draw(
        st.sampled_from([whole, whole["site"], whole["cameras"][0], whole["cameras"][0]["gates"][0]])
    )
    target[data.draw(keys | st.sampled_from(list(target)))] = data.draw(values)
    path = tmp_path_factory.mktemp("site") / "site.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    config, faults = check_site(path)
    assert (config is None) == bool(faults)
    assert all("\n" not in str(fault) for fault in faults), faults


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet="{}[]:,-?&*!|>'\"%@` \n\tabc1", max_size=40).map(str.encode))
def test_no_bytes_at_all_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("site") / "site.yaml"
    path.write_bytes(raw)
    config, faults = check_site(path)
    assert config is None
    assert faults
