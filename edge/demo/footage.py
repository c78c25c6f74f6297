"""Real footage for the demo: the user's own clip, or the surveillance clip that Debian publishes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge.errors import EdgeError

PACKAGE: Final = "opencv-doc"
MEMBER: Final = "usr/share/doc/opencv-doc/examples/data/vtest.avi"
INSTALLED: Final = Path("/") / MEMBER
REMEDY: Final = "give a video file of your own: storeedge demo CLIP"


def find_clip(given: Path | None, say: Callable[[str], None]) -> Path:
    """The clip to show: `given`, else vtest.avi as installed, kept from last time, or fetched now.

    Raises EdgeError with what to do when there is none.
    """
    if given is not None:
        if not given.is_file():
            raise EdgeError(f"there is no clip {given}; give the path of a video file")
        return given.resolve()
    kept = cache_folder() / "vtest.avi"
    for place in (INSTALLED, kept):
        if place.is_file():
            return place
    return fetch(kept, say)


def cache_folder() -> Path:
    """Where a fetched clip is kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "storeedge" / "footage"


def fetch(target: Path, say: Callable[[str], None]) -> Path:
    """Fetch Debian's package with apt-get, which checks it, and unpack the one clip. Needs no root."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise EdgeError(f"no vtest.avi here, and this is no Debian that could fetch it; {REMEDY}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        say(f"fetching vtest.avi: Debian's package {PACKAGE}, 96 MB, of which 8 MB are kept")
        fetched = _download(Path(work)) or (_renew_lists(say) and _download(Path(work)))
        if not fetched:
            raise EdgeError(
                f"apt-get cannot fetch {PACKAGE}: check the network and try `apt-get update`, or {REMEDY}"
            )
        unpacked = Path(work) / target.name
        _unpack(fetched, unpacked)
        unpacked.replace(target)
    return target


def _download(folder: Path) -> Path | None:
    command = ["apt-get", "--quiet", "download", PACKAGE]
    if os.geteuid() == 0:  # apt would try, and complain, to become a user who cannot write here
        command += ["-o", "APT::Sandbox::User=root"]
    if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
        return None
    return next(folder.glob(f"{PACKAGE}_*.deb"), None)


def _renew_lists(say: Callable[[str], None]) -> bool:
    """A fresh machine has no package lists; only root can fetch them."""
    if os.geteuid() != 0:
        return False
    say("renewing the package lists")
    command = ["apt-get", "--quiet", "--quiet", "update"]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


def _unpack(package: Path, target: Path) -> None:
    """Write the clip out of a .deb, as a stream: the rest is not kept."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    if member.name.removeprefix("./") == MEMBER and (source := archive.extractfile(member)):
                        with target.open("wb") as file:
                            shutil.copyfileobj(source, file)
                        return
        except (tarfile.TarError, OSError) as error:
            raise EdgeError(f"{package.name} cannot be unpacked ({error}); {REMEDY}") from error
        finally:
            process.kill()
    raise EdgeError(f"{package.name} does not hold vtest.avi any more; {REMEDY}")
