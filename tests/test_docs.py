"""The prose is honest: it names what exists, and all of it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from edge.cli import app
from edge.config import check_site
from models.manifest import cards
from pipelines.as_json import KINDS, counts_of
from pipelines.layout import Zone
from pipelines.quality import REASONS
from pipelines.records import (
    DWELL_EDGES_S,
    CameraWindow,
    CounterWindow,
    GateWindow,
    HeatWindow,
    LaneWindow,
    OccupancyWindow,
    Quality,
    QueueWindow,
    Window,
    ZoneWindow,
)
from sync.outbox import STREAMS
from sync.topics import BoxIdentity
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
METRICS = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
MODELS = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("firmware_config/**/*.md")])
MENTION = re.compile(r"(?<![\w/'\[-])storeedge((?: +[a-z][a-z-]*)*)([^`\n|]*)")


def commands(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that can be called, such as ("models pull", …)."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    else:
        for word, one in inner.items():
            yield from commands(one, f"{name} {word}".strip())


COMMANDS = dict(commands(typer.main.get_command(app)))


def shell_words(text: str) -> str:
    """The code of a page: fenced shell blocks and what stands in backquotes."""
    fenced = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return "\n".join(
        [*fenced, *re.findall(r"`(storeedge [^`\n]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]
    )


def mentions(text: str) -> Iterator[tuple[str, str]]:
    """(words after `storeedge`, the rest of the line) in a page's code."""
    for found in MENTION.finditer(shell_words(text.replace("/opt/storeedge/venv/bin/", ""))):
        if found[1].strip():
            yield found[1].strip(), found[2]


def called(words: str) -> str | None:
    """The command that these words begin with."""
    return max((name for name in COMMANDS if f"{words} ".startswith(f"{name} ")), key=len, default=None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_commands_and_options_that_exist(page: Path):
    groups = {name.partition(" ")[0] for name in COMMANDS if " " in name}
    for words, rest in mentions(page.read_text(encoding="utf-8")):
        if words in groups:
            continue
        name = called(words)
        assert name is not None, f"there is no `storeedge {words}`"
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", rest.split("#")[0].split(";")[0]):
            assert option in options, f"`storeedge {name}` has no {option}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str):
    group, _, last = name.partition(" ")
    row = next((line for line in README.splitlines() if line.startswith(f"| `storeedge {group}")), "")
    assert row, f"`storeedge {group}` is not in the table of commands"
    assert not last or re.search(rf"\b{last}`", row), f"`storeedge {name}` is not in the table of commands"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_is_for(name: str):
    command = COMMANDS[name]
    assert command.help
    assert [p.name for p in command.params if not getattr(p, "help", None) and p.name != "help"] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_only_to_what_is_there(page: Path):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_files_that_are_there(page: Path):
    named = re.findall(
        r"\b(?:scripts|models|sync|edge|docs|tests|pipelines|firmware_config)/[\w./@-]*\w/?", page.read_text()
    )
    assert {
        name for name in named if not (ROOT / name).exists() and not (page.parent / name).exists()
    } == set()


def test_the_readmes_site_file_is_good(tmp_path: Path):
    example = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert example
    (tmp_path / "site.yaml").write_text(example[1], encoding="utf-8")
    site, faults = check_site(tmp_path / "site.yaml")
    assert faults == []
    assert site is not None


def test_the_readmes_subscriber_is_the_one_that_is_tested():
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example
    code = (ROOT / "docs" / "examples" / "subscribe.py").read_text(encoding="utf-8")
    assert example[1] == code.partition('"""\n\n')[2]


def test_the_readme_names_the_topics_that_boxes_use():
    box = BoxIdentity("tenant", "store", "box")
    topics = [box.state, *map(box.up, STREAMS), box.ack("data").replace("data", "{stream}")]
    for topic in topics:
        assert topic.replace("tenant/store/box", "{tenant}/{store}/{box}") in README


@pytest.mark.parametrize("name", cards())
def test_every_model_stands_in_the_tables_with_its_licence(name: str):
    licence = cards()[name].licence.split()[0]
    for text in (README, MODELS):
        row = next((line for line in text.splitlines() if line.startswith("|") and f"`{name}`" in line), "")
        assert licence in row, f"{name} with {licence}"


ZEROS = (0,) * len(DWELL_EDGES_S)
WINDOWS: tuple[Window, ...] = (
    GateWindow("c", "g", 0, 60.0, 0, 0, 0),
    ZoneWindow("c", "z", 0, 60.0, 0, 0, 0.0, 0, ZEROS, ZEROS, 0.0),
    QueueWindow("c", "q", 0, 60.0, 0.0, 0, ZEROS, 0, 0, 0, 0, 0, ZEROS, ZEROS, 0.0),
    CounterWindow("c", "z", 0, 60.0, 0.0, 0.0, 0.0),
    CameraWindow("c", "c", 0, 60.0, 0, 0.0, 0),
    LaneWindow("c", "l", 0, 60.0, 0, 0, 0, 0, 0),
    HeatWindow("c", "c", 0, 60.0, "m", ()),
    OccupancyWindow("*", "a", 0, 60.0, 0.0, 0, 0, 0, anchored=False),
)


def test_every_kind_of_window_is_among_them():
    assert {window.scope for window in WINDOWS} == set(KINDS)


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.scope)
def test_every_field_of_a_window_is_explained(window: Window):
    row = next(line for line in METRICS.splitlines() if line.startswith(f"| {window.scope} |"))
    assert re.findall(r"`(\w+)`", row) == list(counts_of(window))


def test_every_reason_and_field_of_a_quality_is_explained():
    assert [name for name in REASONS if f"| `{name}` |" not in METRICS] == []
    assert [field.name for field in dataclasses.fields(Quality) if f"| `{field.name}` |" not in METRICS] == []


def test_the_histograms_edges_are_the_ones_in_use():
    assert "    " + " ".join(map(str, DWELL_EDGES_S)) in METRICS.splitlines()


def test_the_shortest_visit_is_the_one_in_use():
    default = next(field.default for field in dataclasses.fields(Zone) if field.name == "min_stay_s")
    assert f"`min_stay` seconds ({default:g} by default)" in METRICS


def test_every_event_is_explained():
    made = {
        name
        for path in [*(ROOT / "edge").rglob("*.py"), *(ROOT / "pipelines").rglob("*.py")]
        for name in re.findall(r"\bEvent\(\s*\"(\w+)\"", path.read_text(encoding="utf-8"))
    }
    assert made
    assert {name for name in made if f"| `{name}` |" not in METRICS} == set()
