"""A hub in a process of its own, to be killed: `python -m tests.line.hub_process BROKER_URL DATABASE`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sync.hub.receiver import Hub
from sync.hub.sqlite import SqliteLedger
from sync.mqtt import Broker
from tests.sync.fakes import BACKOFF


def start_hub(url: str, db: Path) -> subprocess.Popen[bytes]:
    """It looks for its broker again within moments, which the real command does less eagerly."""
    return subprocess.Popen([sys.executable, "-m", "tests.line.hub_process", url, str(db)])


if __name__ == "__main__":
    Hub(Broker.parse(sys.argv[1]), SqliteLedger(Path(sys.argv[2])), backoff_s=BACKOFF).run()
