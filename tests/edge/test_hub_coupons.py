"""Head office's commands: members, offers, keys, boxes, coupons; one plain line for what is wrong."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from edge.cli import main
from sync.hub.coupon_service import CouponFiles
from tests.edge.test_cli import refused

OFFERS = """\
- id: coffee
  headline: {zh-CN: 咖啡券, en: A coffee for you}
  detail: {zh-CN: 一楼兑换, en: On the ground floor}
  benefit: {kind: gift}
  valid_from: 2026-01-01T00:00:00Z
  valid_until: 2099-01-01T00:00:00Z
"""


def storeedge(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, in this process: starting one takes longer than all it does here."""
    out, err = io.StringIO(), io.StringIO()
    words = ["storeedge", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", words),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        main()
    return subprocess.CompletedProcess(words, int(end.value.code or 0), out.getvalue(), err.getvalue())


def test_members_are_imported_under_every_living_key_and_their_plates_are_kept_nowhere(
    tmp_path: Path,
) -> None:
    db = tmp_path / "hub.db"
    at = ("--db", db, "--tenant", "rainbow")
    csv = tmp_path / "members.csv"
    csv.write_text("member,plate\nm-1,粤B·12345\nm-2,皖A195K9\nm-1,粤B00001\n", "utf-8")
    assert "hub keys new" in refused(storeedge("hub", "members", "import", csv, *at))
    assert storeedge("hub", "keys", "new", "2026w47", *at).returncode == 0
    assert storeedge("hub", "keys", "new", "2026w48", "--in", "30", *at).returncode == 0
    done = storeedge("hub", "members", "import", csv, *at)
    assert done.stdout == "2026w47: 3 members in 1 pieces\n2026w48: 3 members in 1 pieces\n", done
    shown = json.loads(storeedge("hub", "members", "show", "--json", *at).stdout)
    assert [(one["key"], one["members"]) for one in shown] == [("2026w47", 3), ("2026w48", 3)]
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path != csv)
    for plate in ("粤B", "12345", "195K9"):
        assert plate.encode() not in kept, plate
    assert CouponFiles.beside(db).member_keys.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("plates\n粤B12345\n", "one of them plate"),
        ("plate\n粤B12345\n\n,\n", "line 4 has no plate"),
        ("plate\n···\n", "empty plate has no token"),
    ],
)
def test_a_file_that_is_no_list_of_members_changes_nothing(tmp_path: Path, text: str, complaint: str) -> None:
    at = ("--db", tmp_path / "hub.db", "--tenant", "rainbow")
    storeedge("hub", "keys", "new", "k1", *at)
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("plate\n粤B00001\n粤B00002\n", "utf-8")
    bad.write_text(text, "utf-8")
    storeedge("hub", "members", "import", good, *at)
    assert complaint in refused(storeedge("hub", "members", "import", bad, *at))
    assert [m["members"] for m in json.loads(storeedge("hub", "members", "show", "--json", *at).stdout)] == [
        2
    ]


def test_offers_are_checked_before_they_are_used(tmp_path: Path) -> None:
    at = ("--db", tmp_path / "hub.db", "--tenant", "rainbow")
    file = tmp_path / "offers.yaml"
    file.write_text(OFFERS, "utf-8")
    assert storeedge("hub", "offers", file, *at).stdout.startswith("offers of version ")
    file.write_text(OFFERS.replace("gift", "gold"), "utf-8")
    assert "0.benefit.kind" in refused(storeedge("hub", "offers", file, *at))
    file.write_text(OFFERS + OFFERS, "utf-8")
    assert "same id" in refused(storeedge("hub", "offers", file, *at))
    file.write_text("rules: [", "utf-8")
    assert "cannot be read" in refused(storeedge("hub", "rules", file, *at))


def test_what_cannot_be_done_is_said_in_one_line(tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    assert "no such coupon" in refused(storeedge("hub", "redeem", "7K2M-Q0XR-3WBD", "--db", db))
    assert "hub boxes list" in refused(storeedge("hub", "boxes", "trust", "a/b/c", "00" * 8, "--db", db))
    assert "TENANT/STORE/BOX" in refused(storeedge("hub", "boxes", "trust", "box", "00" * 8, "--db", db))
    assert "a-z" in refused(storeedge("hub", "keys", "new", "K 1", "--db", db, "--tenant", "rainbow"))
    assert len(storeedge("hub", "keys", "centre", "--db", db).stdout) == 45
    assert json.loads(storeedge("hub", "books", "--json", "--db", db).stdout) == []
    run = ("hub", "run", "--broker", "mqtt://127.0.0.1:9", "--db", db, "--timezone", "Mars/Olympus")
    assert "no time zone" in refused(storeedge(*run))
