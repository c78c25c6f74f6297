"""`${NAME}` in the site file: secrets from the environment or from credential files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge.errors import ConfigError

NAMED: Final = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"


def fill_secrets(text: str, about: str, environment: Mapping[str, str] | None = None) -> str:
    """Replace each ${NAME} from the environment, or from a file NAME or secret_NAME (a whole folder as one
    credential) among systemd's credentials or in /run/secrets. Raises ConfigError naming the secret, never
    the text around it."""
    known = os.environ if environment is None else environment

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in known:
            return known[name]
        for folder in filter(None, (known.get("CREDENTIALS_DIRECTORY"), "/run/secrets")):
            for secret in (Path(folder) / name, Path(folder) / f"secret_{name}"):
                try:
                    if secret.is_file():
                        return secret.read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as fault:
                    raise ConfigError(
                        f"{about}: ${{{name}}} cannot be read from {secret}; mind its permissions"
                    ) from fault
        raise ConfigError(
            f"{about}: ${{{name}}} is not set; give it in the environment or as a credential file"
        )

    return re.sub(NAMED, value, text)
