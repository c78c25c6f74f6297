"""Texts of plates: what can stand where, and the best text for what a recogniser saw."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.plates.alphabet import BLANK, COLUMN, COLUMNS, OTHER, Glyphs
from pipelines.plate_grammar import ALLOWED, SYNTAXES, Ballot, consult, kind_of, weigh
from pipelines.plate_records import PlateColour, PlateKind
from tests.sim.plates.texts import plate


def seen(text: str, *, sure: float = 0.95, other: dict[int, tuple[str, float]] | None = None) -> Glyphs:
    """What a recogniser gives for a text; `other`: at a position, another character and its probability."""
    rows = []
    for position, character in enumerate(text):
        row = np.full(COLUMNS, (1 - sure) / COLUMNS, np.float32)
        row[COLUMN[character]] += sure
        if other and position in other:
            rival, share = other[position]
            row[COLUMN[character]] -= share
            row[COLUMN[rival]] += share
        gap = np.full(COLUMNS, (1 - sure) / COLUMNS, np.float32)
        gap[BLANK] += sure
        rows += [row, gap]
    return np.stack(rows)


def verdict_of(*reads: Glyphs, colour: PlateColour = "blue"):
    readings = [weigh(glyphs) for glyphs in reads]
    return consult(readings, [1 / len(reads)] * len(reads), {colour: 1.0}).verdict


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("皖A195K9", "ordinary"), ("苏ED51712", "new_energy_small"), ("京A12345D", "new_energy_large"),
        ("浙AB123挂", "trailer"), ("琼A6716学", "learner"), ("鄂F8888警", "police"),
        ("粤ZAB12港", "cross_border"), ("粤ZAB12澳", "cross_border"), ("沪A0023领", "consulate"),
        ("使014578", "embassy"), ("224578使", "embassy"), ("WJ京1234X", "armed_police"),
        ("WJ12345", "armed_police"), ("皖A195", None), ("皖AO95K9", None), ("A195K99", None), ("", None),
        ("VA12345", None), ("民航A1234", None), ("粤A1234应急", None),
    ],
)  # fmt: skip
def test_a_text_has_the_kind_of_its_syntax(text: str, kind: PlateKind | None) -> None:
    assert kind_of(text) == kind


@given(st.integers(0, 10**9))
@settings(max_examples=25, deadline=None)
def test_a_clearly_seen_plate_of_any_kind_is_read_as_it_is(seed: int) -> None:
    truth = plate(random.Random(seed))
    verdict = verdict_of(seen(truth.text), colour=truth.colour)
    assert (verdict.text, verdict.kind) == (truth.text, truth.kind)
    assert verdict.margin > 1


def test_likelihoods_are_those_of_all_alignments_counted_one_by_one() -> None:
    """Against brute force over every path of a short strip, for the syntaxes short enough."""
    dice = np.random.default_rng(4)
    text = "京1234领"
    steps = len(text) + 1
    columns = [BLANK, *(COLUMN[character] for character in text)]
    glyphs = np.zeros((steps, COLUMNS), np.float32)
    glyphs[:, columns] = dice.dirichlet(np.full(len(columns), 0.6), steps)
    reading = weigh(glyphs)
    number = next(i for i, s in enumerate(SYNTAXES) if s.kind == "consulate" and len(s.positions) == 6)
    total = 0.0
    for path in itertools.product(columns, repeat=steps):
        marks = [mark for mark, _ in itertools.groupby(path) if mark != BLANK]
        if len(marks) == 6 and all(ALLOWED[number, i, mark] for i, mark in enumerate(marks)):
            total += float(
                np.prod([glyphs[step, column] for step, column in enumerate(path)], dtype=np.float64)
            )
    # The price of unseen characters adds a little to every path, so ours is the larger by some percent.
    assert total <= np.exp(reading.fit[number]) <= total * 1.6 + 1e-7, (total, np.exp(reading.fit[number]))


def test_a_repeated_character_needs_a_gap_between() -> None:
    verdict = verdict_of(seen("皖K66666"))
    assert verdict.text == "皖K66666"


def test_a_green_plate_of_seven_characters_is_a_truncated_one() -> None:
    cut = seen("苏ED5171")
    assert verdict_of(cut, colour="blue").text == "苏ED5171"
    green = verdict_of(cut, colour="green")
    assert green.kind != "ordinary", green
    assert green.margin < 0.9, f"it must not be sure of what it has not seen: {green}"


def test_an_unseen_province_leaves_the_rest_and_says_that_it_does_not_know() -> None:
    verdict = verdict_of(seen("A195K9"))
    assert verdict.text[1:] == "A195K9"
    assert verdict.foreign < 0.1, verdict


def test_reads_that_err_in_different_places_are_right_together() -> None:
    reads = [
        seen("豫ERU586", other={3: ("V", 0.55)}),
        seen("豫ERU586", other={0: ("皖", 0.55)}),
        seen("豫ERU586", other={6: ("0", 0.55)}),
    ]
    assert [verdict_of(read).text == "豫ERU586" for read in reads] == [False, False, False]
    assert verdict_of(*reads).text == "豫ERU586"


def test_what_no_plate_has_fits_badly() -> None:
    glyphs = np.zeros((12, COLUMNS), np.float32)
    glyphs[::2, OTHER] = glyphs[1::2, BLANK] = 0.9
    glyphs[1::2, OTHER] = glyphs[::2, BLANK] = 0.1
    assert verdict_of(glyphs).fit < -15


def test_the_sites_own_province_tips_an_even_choice_and_no_clear_one() -> None:
    ballot, clear = Ballot(), Ballot()
    ballot.add(weigh(seen("苏A12345", other={0: ("桂", 0.475)})), 1.0)
    clear.add(weigh(seen("苏A12345", other={0: ("桂", 0.01)})), 1.0)
    prior = {"桂": 1.0}
    assert ballot.verdict({"blue": 1.0}, prior).text[0] == "桂"
    assert clear.verdict({"blue": 1.0}, prior).text[0] == "苏"
