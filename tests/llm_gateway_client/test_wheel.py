"""The wheel `llm-gateway-client` in an environment that has what it asks for, and nothing else."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from llm_gateway_client import __version__
from tests.llm_gateway_client.ways import Setting
from tests.support import bare_python
from tests.support.bare_python import run
from tests.support.gateway import PROJECT_KEY

PACKAGE = Path(__file__).resolve().parents[2] / "llm_gateway_client"


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(folder), str(PACKAGE))
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of a path on which there is the wheel, and links to what it needs."""
    return _installed(wheel, tmp_path_factory, extra="")


@pytest.fixture(scope="module")
def celery_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return _installed(wheel, tmp_path_factory, extra="celery")


def _installed(wheel: Path, folders: pytest.TempPathFactory, *, extra: str) -> list[Path]:
    installed, needed = folders.mktemp("installed"), folders.mktemp("needed")
    pip("install", "--no-deps", "--no-index", "--target", str(installed), str(wheel))
    (own,) = importlib.metadata.distributions(path=[str(installed)])
    return [installed, bare_python.link(_needed(own, extra), needed)]


def _needed(root: importlib.metadata.Distribution, extra: str) -> list[importlib.metadata.Distribution]:
    """What it asks for with this extra, what that asks for, and so on."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [(root, {extra})]
    while waiting:
        distribution, extras = waiting.pop()
        for requirement in map(Requirement, distribution.requires or ()):
            marker = requirement.marker
            wanted = marker is None or any(marker.evaluate({"extra": one}) for one in extras)
            if wanted and requirement.name not in found:
                found[requirement.name] = importlib.metadata.distribution(requirement.name)
                waiting.append((found[requirement.name], {"", *requirement.extras}))
    return list(found.values())


def test_what_is_in_it(wheel: Path) -> None:
    assert wheel.name == f"llm_gateway_client-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith("METADATA")]
        told = archive.read(metadata).decode()
    for name in ("__init__.py", "py.typed", "client.py", "management/__init__.py"):
        assert f"llm_gateway_client/{name}" in names
    assert not [name for name in names if name.endswith(("pyproject.toml", ".pyc")) or "tests" in name]
    assert "Provides-Extra: celery" in told
    assert [line for line in told.splitlines() if line.startswith("Requires-Dist:") and "extra" not in line] == [
        "Requires-Dist: httpx2>=2.16"
    ]


def test_there_is_nothing_else_in_its_environment(environment: list[Path]) -> None:
    program = "import importlib.util as u\nprint([n for n in ('django', 'celery', 'llm', 'msgspec') if u.find_spec(n)])"
    assert run(environment, program) == "[]\n"


def test_the_readmes_example_runs(environment: list[Path], setting: Setting) -> None:
    examples = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)
    assert len(examples) == 1
    program = examples[0].replace("http://localhost:8000", setting.gateway.url).replace("gw-...", PROJECT_KEY)
    assert program.count(setting.gateway.url) == program.count(PROJECT_KEY) == 1
    told = run(environment, program + "\nprint()\nprint(len(responses), [len(vector) for vector in vectors])")
    first, streamed, counts = told.splitlines()
    assert first.startswith("Echo: Hello, world! stop Usage(")
    assert (streamed, counts) == ("Echo: Hello, world!", "2 [64, 64]")


def test_without_the_extra_celery_is_asked_for_by_name(environment: list[Path]) -> None:
    program = (
        "from llm_gateway_client import LLMGatewayClient\n"
        "client = LLMGatewayClient(broker_url='redis://127.0.0.1:1/0')\n"
        "try:\n    client.chat_sync('Hi', model='echo')\n"
        "except ImportError as error:\n    print(error)\n"
    )
    assert "llm-gateway-client[celery]" in run(environment, program)


def test_with_the_extra_it_goes_by_celery(celery_environment: list[Path], setting: Setting) -> None:
    program = (
        "import sys\nfrom llm_gateway_client import LLMGatewayClient\n"
        f"with LLMGatewayClient(broker_url={setting.gateway.redis_url()!r}) as client:\n"
        "    print(client.chat_sync('Hi', model='echo').raise_for_error().generated_content)\n"
        "print('django' in sys.modules, 'llm' in sys.modules)\n"
    )
    assert run(celery_environment, program) == "Echo: Hi\nFalse False\n"
