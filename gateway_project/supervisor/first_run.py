"""Tells the secrets of the first run: to a terminal, else into a file that only the owner reads. Once."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(slots=True)
class FirstRun:
    """What `init_db` made. `generated` maps admin_password, admin_token, project_key to new values; what came from
    the environment is not in it."""

    generated: dict[str, str] = field(default_factory=dict)
    user: str = "admin"

    def save(self, data_dir: Path) -> None:
        """Keeps the values for run_api, which knows the port."""
        _write_private(data_dir / "first-run.json", json.dumps(asdict(self)))

    @classmethod
    def take(cls, data_dir: Path) -> FirstRun | None:
        """The kept values; they are gone from the disk afterwards."""
        file = data_dir / "first-run.json"
        try:
            content = json.loads(file.read_text())
        except FileNotFoundError:
            return None
        file.unlink()
        return cls(**content)

    def tell(self, data_dir: Path, base_url: str) -> None:
        """Prints to a terminal; without one writes `first-run.txt` (mode 600) and prints where."""
        text = self.text(base_url)
        if sys.stdout.isatty():
            print(text, flush=True)
            return
        file = data_dir / "first-run.txt"
        _write_private(file, text + "\n")
        print(f"First run: the admin's password, a token, a project key and a curl are in {file}", flush=True)

    def text(self, base_url: str) -> str:
        lines = [f"admin          {base_url}/admin/", f"user           {self.user}"]
        lines += [
            f"{label}{self.generated[name]}"
            for name, label in (
                ("admin_password", "password       "),
                ("admin_token", "admin token    "),
                ("project_key", "project key    "),
            )
            if name in self.generated
        ]
        key = self.generated.get("project_key", "$LLM_GATEWAY_PROJECT_KEY")
        return "\n".join([*lines, "", curl(base_url, key)])


def curl(base_url: str, key: str) -> str:
    """One line that a shell runs as it stands; the echo provider needs no key of a provider."""
    body = '{"model": "echo", "messages": [{"role": "user", "content": "Hello"}]}'.replace('"', '\\"')
    return (
        f'curl -s {base_url}/v1/chat/completions -H "Authorization: Bearer {key}" '
        f'-H "Content-Type: application/json" -d "{body}"'
    )


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
