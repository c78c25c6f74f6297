"""The site file as the box uses it: cameras, layouts, secrets, and the examples that we hand out."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from edge.config import SiteConfig, check_site, fill_secrets, load_site
from edge.errors import ConfigError
from pipelines.layout import Area, CameraLayout, Floor, Gate, Lane, Zone

SITE = """\
site:
  {tenant: rainbow, store: sz-futian, box: box-1, timezone: Europe/Berlin, opening_hours: {mon: "9:00-18:00"}}
cameras:
  - id: cam-1
    source: rtsp://u:${CAM1_PASSWORD}@10.0.0.21/stream2
    fps: 8
    floor: {image: [[.1, .9], [.9, .9], [.7, .3], [.3, .3]], metres: [[0, 0], [4, 0], [4, 6], [0, 6]]}
    mask: [[[0, 0], [.1, 0], [.1, .1]]]
    gates: [{id: door, line: [[.5, .2], [.5, .8]], inside: left}]
    zones: [{id: till, role: queue, polygon: [[.1, .1], [.4, .1], [.4, .4]], min_stay: 3}]
  - {id: cam-9, source: "usb:0"}
lanes:
  - {id: exit-1, direction: exit, camera: cam-9, heading: down}
  - {id: entry-1, direction: entry}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def site(tmp_path: Path) -> SiteConfig:
    return load_site(write(tmp_path, SITE))


def test_a_camera_s_layout_holds_what_was_drawn_for_it(site: SiteConfig) -> None:
    assert site.layout("cam-1") == CameraLayout(
        "cam-1",
        gates=(Gate("door", (0.5, 0.2), (0.5, 0.8), "left"),),
        zones=(Zone("till", "queue", ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4)), 3.0),),
        floor=Floor(((0.1, 0.9), (0.9, 0.9), (0.7, 0.3), (0.3, 0.3)), ((0, 0), (4, 0), (4, 6), (0, 6))),
        mask=(((0, 0), (0.1, 0), (0.1, 0.1)),),
    )
    assert site.layout("cam-9") == CameraLayout("cam-9", lanes=(Lane("exit-1", "exit", "down"),))


def test_what_is_left_out_has_the_documented_default(tmp_path: Path) -> None:
    config = load_site(write(tmp_path, "site: {tenant: t, store: s, box: b}\n"))
    assert (config.site.timezone, config.site.language) == ("Asia/Shanghai", "zh-CN")
    assert config.site.opening_hours == {"mon-sun": "10:00-22:00"}
    assert (config.model, config.cameras, config.lanes, config.sync) == ("default", [], [], None)


def test_zone_and_hours_are_ready_to_ask(site: SiteConfig) -> None:
    assert site.site.zone.key == "Europe/Berlin"
    assert site.site.hours.days[:2] == ((540, 1080), None)


def test_a_loaded_site_cannot_be_changed(site: SiteConfig) -> None:
    with pytest.raises(ValueError, match="frozen"):
        site.model = "other"


def test_a_camera_is_found_by_its_name(site: SiteConfig) -> None:
    assert site.camera("cam-9").source == "usb:0"


def test_an_unknown_camera_names_the_known_ones(site: SiteConfig) -> None:
    with pytest.raises(ConfigError, match="has no camera cam-2; it has: cam-1, cam-9"):
        site.camera("cam-2")


def test_of_several_cameras_one_must_be_named(site: SiteConfig) -> None:
    with pytest.raises(ConfigError, match="name a camera with --camera; the site file has: cam-1, cam-9"):
        site.camera()


def test_the_only_camera_need_not_be_named(tmp_path: Path) -> None:
    text = "site: {tenant: t, store: s, box: b}\ncameras: [{id: cam-1, source: 'usb:0'}]\n"
    assert load_site(write(tmp_path, text)).camera().id == "cam-1"


@pytest.mark.parametrize(
    "source",
    ["rtsp://10.0.0.1/1", "rtsps://u:${P}@cam:8554/a?b=c", "usb:0", "usb:12", "file:a b.mp4", "dir:frames/"],
)
def test_these_are_sources(tmp_path: Path, source: str) -> None:
    text = f"site: {{tenant: t, store: s, box: b}}\ncameras: [{{id: cam-1, source: '{source}'}}]\n"
    assert load_site(write(tmp_path, text)).camera().source == source


# ---- secrets --------------------------------------------------------------------------------------------


def test_a_secret_comes_from_the_environment(site: SiteConfig) -> None:
    opened = site.camera("cam-1").opened_source({"CAM1_PASSWORD": "p$1\\g<0>"})
    assert opened == "rtsp://u:p$1\\g<0>@10.0.0.21/stream2"


def test_a_secret_comes_from_a_credential_file_without_its_newline(tmp_path: Path, site: SiteConfig) -> None:
    (tmp_path / "CAM1_PASSWORD").write_text("hunter2\n")
    opened = site.camera("cam-1").opened_source({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert opened == "rtsp://u:hunter2@10.0.0.21/stream2"


def test_the_environment_goes_before_the_credential_file(tmp_path: Path) -> None:
    (tmp_path / "NAME").write_text("file")
    assert fill_secrets("${NAME}", "x", {"CREDENTIALS_DIRECTORY": str(tmp_path), "NAME": "here"}) == "here"


def test_a_missing_secret_is_named_and_nothing_around_it(site: SiteConfig) -> None:
    with pytest.raises(ConfigError) as caught:
        site.camera("cam-1").opened_source({})
    assert str(caught.value) == (
        "camera cam-1: ${CAM1_PASSWORD} is not set; give it in the environment or as a credential file"
    )


def test_a_secret_file_that_is_no_text_says_which(tmp_path: Path, site: SiteConfig) -> None:
    (tmp_path / "CAM1_PASSWORD").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"camera cam-1: \$\{CAM1_PASSWORD\} cannot be read from"):
        site.camera("cam-1").opened_source({"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_a_site_file_needs_no_secrets_to_be_checked(site: SiteConfig) -> None:
    assert "${CAM1_PASSWORD}" in site.camera("cam-1").source


def test_a_secret_may_stand_in_the_broker_s_address(tmp_path: Path) -> None:
    text = "site: {tenant: t, store: s, box: b}\nsync: {url: 'mqtts://box:${MQTT_PASSWORD}@broker:8883'}\n"
    assert check_site(write(tmp_path, text))[1] == []


# ---- the examples that we hand out ----------------------------------------------------------------------


def test_our_example_has_no_fault_and_shows_every_key(tmp_path: Path) -> None:
    text = files("edge").joinpath("site.example.yaml").read_text(encoding="utf-8")
    config, faults = check_site(write(tmp_path, text))
    assert faults == []
    assert config is not None
    schema = SiteConfig.model_json_schema()
    for name, part in {"SiteConfig": schema, **schema["$defs"]}.items():
        for key in part.get("properties", {}):
            assert re.search(rf"\b{key}:", text), f"{name}.{key} is not in the example"


def test_the_design_s_example_names_a_camera_that_it_does_not_list_and_has_no_other_fault(
    tmp_path: Path, shared: Path
) -> None:
    design = (shared / "design.md").read_text(encoding="utf-8")
    found = re.search(r"### 3\.1 .*?```yaml\n(.*?)```", design, re.S)
    assert found
    text = found[1].replace("coupons: [...]", "coupons: []").replace("ca: ..., cert: ..., key: ...", "ca: c")
    assert [str(fault) for fault in check_site(write(tmp_path, text))[1]] == [
        "line 15: lanes[0].camera: there is no camera cam-9 (cameras here: cam-1)"
    ]
    with_camera = text.replace("lanes:", "  - {id: cam-9, source: 'usb:0'}\nlanes:")
    config, faults = check_site(write(tmp_path, with_camera))
    assert faults == []
    assert config is not None
    assert config.layout("cam-9").lanes == (Lane("exit-1", "exit", "down"),)
    assert config.layout("cam-1").gates == (Gate("door", (0.5, 0.0), (0.5, 1.0), "right"),)


def test_the_schema_takes_what_the_check_takes_and_refuses_an_unknown_key() -> None:
    schema = SiteConfig.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    data = yaml.safe_load(SITE)
    validator.validate(data)
    data["cameras"][0]["gate"] = []
    assert not validator.is_valid(data)


LINE = "{id: line, role: queue, polygon: [[0, 0], [.5, 0], [.5, 1]]"
TILL = "{id: till, role: service, polygon: [[.5, 0], [1, 0], [1, 1]]}"


def camera_with(*zones: str) -> str:
    return (
        "site: {tenant: t, store: s, box: b}\ncameras:\n  - id: cam-1\n    source: usb:0\n    zones:\n"
        + "".join(f"      - {zone}\n" for zone in zones)
    )


def test_a_queue_s_options_reach_its_zone(tmp_path: Path) -> None:
    text = camera_with(LINE + ", service: till, max_wait: 90, long_from: 4}", TILL)
    zone = load_site(write(tmp_path, text)).layout("cam-1").zones[0]
    assert (zone.service, zone.max_wait_s, zone.long_from) == ("till", 90, 4)


COUNTER = "{id: lancome, role: counter, polygon: [[0, 0], [.5, 0], [.5, 1]]"
AISLE = "{id: aisle, role: passby, polygon: [[.5, 0], [1, 0], [1, 1]]}"


def test_a_counter_s_passers_by_reach_its_zone(tmp_path: Path) -> None:
    text = camera_with(COUNTER + ", passby: aisle}", AISLE)
    assert load_site(write(tmp_path, text)).layout("cam-1").zones[0].passby == "aisle"
    gate = "    gates: [{id: mall, line: [[0, .5], [1, .5]], inside: right}]\n"
    text = camera_with(COUNTER + ", passby: mall}") + gate
    assert load_site(write(tmp_path, text)).layout("cam-1").zones[0].passby == "mall"


TWO_DOORS = """\
site: {tenant: t, store: s, box: b}
cameras:
  - id: cam-1
    source: usb:0
    gates: [{id: door, line: [[0, .5], [1, .5]], inside: right}, {id: mall, line: [[0, .8], [1, .8]], inside: left}]
    zones:
      - {id: lancome, role: counter, polygon: [[0, 0], [.5, 0], [.5, 1]], passby: mall}
  - id: cam-2
    source: usb:1
    gates: [{id: back, line: [[0, .5], [1, .5]], inside: left}]
"""  # noqa: E501


def test_an_area_has_gates_of_several_cameras(tmp_path: Path) -> None:
    text = TWO_DOORS + (
        "areas: [{id: store, gates: [cam-1/door, cam-2/back], zones: [cam-1/lancome], capacity: 80}]\n"
    )
    assert load_site(write(tmp_path, text)).drawn_areas == (
        Area("store", (("cam-1", "door"), ("cam-2", "back")), 80, (("cam-1", "lancome"),)),
    )


def test_gates_alone_make_no_area_for_only_the_installer_knows_every_door(tmp_path: Path) -> None:
    assert load_site(write(tmp_path, TWO_DOORS)).drawn_areas == ()


@pytest.mark.parametrize(
    ("area", "complaint"),
    [
        ("{id: store, gates: [cam-1/dor]}", r"gates\[0\]: no such gate \(.* cam-1/mall, cam-2/back"),
        ("{id: store, gates: [door]}", "no such gate"),
        ("{id: store, gates: [cam-1/door, cam-1/mall]}", r"gates\[1\]: people pass by lancome there"),
        ("{id: store, gates: [cam-1/door, cam-1/door]}", "the same gate a second time"),
        ("{id: store, gates: [cam-1/door], zones: [cam-1/till]}", r"zones\[0\]: no such zone .*lancome"),
        ("{id: store, gates: []}", "gates: no way in"),
        ("{id: store, gates: [cam-1/door], capacity: 0}", "capacity: must be at least 1"),
        ("{id: store, gates: [cam-1/door]}, {id: store, gates: [cam-2/back]}", "the id store is used twice"),
    ],
)  # fmt: skip
def test_an_area_that_does_not_fit_is_told_with_its_line(tmp_path: Path, area: str, complaint: str) -> None:
    _, faults = check_site(write(tmp_path, TWO_DOORS + f"areas:\n  [{area}]\n"))
    assert len(faults) == 1, faults
    assert re.search(complaint, str(faults[0])), faults[0]
    assert faults[0].line == 12


def test_the_patrol_s_minutes_become_seconds(tmp_path: Path) -> None:
    text = camera_with(TILL) + "patrol: {opened_late: 5, after_hours: 30}\n"
    rules = load_site(write(tmp_path, text)).patrol.rules
    assert (rules.opened_late_s, rules.closed_early_s, rules.after_hours_s) == (300, 900, 1800)


@pytest.mark.parametrize(
    ("zones", "complaint"),
    [
        pytest.param([LINE + ", service: desk}", TILL], "no service zone desk.*it has: till", id="not there"),
        pytest.param([LINE + ", service: line}", TILL], "no service zone line", id="of another role"),
        pytest.param(
            [LINE + ", unattended_after: 60}"], "only a counter zone has unattended_after", id="role"
        ),
        pytest.param([LINE + ", sla: 60}"], "sla", id="unknown"),
        pytest.param(
            [COUNTER + ", passby: till}", TILL], "no gate or passby zone till.*it has: none", id="no passby"
        ),
        pytest.param([LINE + ", passby: line}"], "only a counter zone has passby", id="passby of a queue"),
    ],
)
def test_an_option_that_does_not_fit_is_told_with_its_line(
    tmp_path: Path, zones: list[str], complaint: str
) -> None:
    _, faults = check_site(write(tmp_path, camera_with(*zones)))
    assert len(faults) == 1
    assert re.search(complaint, str(faults[0])), faults[0]
    assert faults[0].line == 6
