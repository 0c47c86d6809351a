"""Every example of the README runs as it stands, but for the port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gateway import ADMIN_TOKEN, PROJECT_KEY, ROOT, GatewayProcess

README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```(sh|python)\n(.*?)```", README, re.DOTALL)
PROGRAMS = [(kind, code) for kind, code in EXAMPLES if "script/" not in code]


@pytest.mark.parametrize(("kind", "code"), PROGRAMS, ids=range(len(PROGRAMS)))
def test_an_example_runs(kind: str, code: str, gateway: GatewayProcess, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "GATEWAY_KEY": PROJECT_KEY,
        "GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN,
        "GATEWAY_REDIS": gateway.redis_url(),
    }
    command = ["sh", "-c"] if kind == "sh" else [sys.executable, "-c"]
    ran = subprocess.run(
        [*command, code.replace("http://127.0.0.1:8000", gateway.url)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip()


def test_the_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
