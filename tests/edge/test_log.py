"""A log line is one line, whatever it holds."""

from __future__ import annotations

import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.log import KeyValue, fields


def line(text: str, *, journal: bool = True, **named: object) -> str:
    record = logging.LogRecord("edge.capture", logging.WARNING, __file__, 1, text, (), None)
    record.__dict__.update(fields(**named))
    return KeyValue(journal).format(record)


def test_it_reads_as_key_and_value():
    assert line("fell silent", camera="cam-1", again_in_s=0.4) == (
        '<4>level=WARNING room=edge.capture camera=cam-1 again_in_s=0.4 msg="fell silent"'
    )


def test_on_a_terminal_it_begins_with_the_time():
    assert line("x", journal=False).split(" level=")[1] == "WARNING room=edge.capture msg=x"


@given(st.text(), st.text())
def test_no_text_breaks_the_line_or_forges_another_field(text, value):
    made = line(text, camera=value)
    assert "\n" not in made
    body = made.removeprefix("<4>level=WARNING room=edge.capture camera=")
    inside = quoted = False
    outside = []
    for character in body:
        if quoted:
            quoted = False
        elif inside and character == "\\":
            quoted = True
        elif character == '"':
            inside = not inside
        elif not inside:
            outside.append(character)
    assert "".join(outside).count("=") == 1


def test_an_error_keeps_its_trace_on_the_same_line():
    try:
        int("two\nlines")
    except ValueError:
        record = logging.LogRecord("edge", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    made = KeyValue(journal=True).format(record)
    assert "\n" not in made
    assert "ValueError: invalid literal" in made


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_text_is_seen_as_such(empty):
    assert line(empty).endswith(f'msg="{empty}"')
