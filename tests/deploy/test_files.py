"""The files of deploy/ fit the product: their commands, variables and ports exist, and no secret is in them."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from gateway_project.settings.environment import NAMES
from tests.deploy import deployment
from tests.deploy.deployment import DEPLOY
from tests.support.gateway import ROOT

GATEWAY_SERVICES = ("init", "api", "worker")
SECRET = re.compile(r"PASSWORD|TOKEN|_KEY$|PROJECT_KEY|_URL$")


def texts() -> list[tuple[str, str]]:
    files = [file for file in sorted(DEPLOY.rglob("*")) if file.is_file() and file.name != ".env"]
    return [(str(file.relative_to(DEPLOY)), file.read_text()) for file in files]


def commands() -> list[list[str]]:
    """Every command that a container runs."""
    services = deployment.compose()["services"]
    told = [services[name]["command"] for name in GATEWAY_SERVICES]
    told += [container["args"] for _, pod in deployment.pods() for container in pod["containers"]]
    return [*told, *(json.loads(rest) for instruction, rest in deployment.dockerfile() if instruction == "CMD")]


@pytest.mark.parametrize(("name", "text"), texts(), ids=[name for name, _ in texts()])
def test_every_variable_is_one_that_the_product_knows(name: str, text: str) -> None:
    assert set(re.findall(r"LLM_GATEWAY_[A-Z_]*[A-Z]", text)) <= NAMES


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_exists(command: list[str]) -> None:
    if command[:2] == ["python", "manage.py"]:
        made = list(ROOT.glob(f"*/management/commands/{command[2]}.py"))
        assert len(made) == 1
    else:
        assert command[:2] == ["python", "-m"] and importlib.util.find_spec(command[2]) is not None


def test_compose_has_the_processes_and_waits_for_what_they_need() -> None:
    services = deployment.compose()["services"]
    assert set(services) == {"init", "api", "worker", "postgres", "redis"}
    for name in ("postgres", "redis"):
        assert services[name]["healthcheck"]["test"] and services[name]["networks"] == ["inside"]
        assert "ports" not in services[name]
        assert services["init"]["depends_on"][name] == {"condition": "service_healthy"}
    for name in ("api", "worker"):
        assert services[name]["depends_on"]["init"] == {"condition": "service_completed_successfully"}
    assert services["api"]["ports"] == ["${GATEWAY_PUBLISH:-127.0.0.1:8000}:8000"]


def test_compose_gives_the_gateway_no_more_rights_than_it_needs() -> None:
    services = deployment.compose()["services"]
    for name in GATEWAY_SERVICES:
        service = services[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert "privileged" not in service and "user" not in service


def test_no_secret_has_a_default() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    for variable, operator in re.findall(r"\$\{(\w+)(:?[-?]?)", text):
        assert operator == ":?" or not SECRET.search(variable), variable
    for document in deployment.kubernetes():
        if document["kind"] == "Secret":
            assert set(document["stringData"].values()) == {""}
        if document["kind"] == "ConfigMap":
            assert not [name for name in document["data"] if SECRET.search(name)]


def test_the_printed_secrets_are_new_each_time_and_whole() -> None:
    printed = [subprocess.check_output([DEPLOY / "new-env", "gateway.example.com"], text=True) for _ in range(2)]
    first, second = (deployment.environment_file(text) for text in printed)
    secret = {name for name in first if SECRET.search(name)}
    assert all(first[name] != second[name] and len(first[name]) >= 32 for name in secret)
    asked = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text()))
    assert asked <= set(first)
    example = next(document for document in deployment.kubernetes() if document["kind"] == "Secret")
    assert set(example["stringData"]) - {"LLM_GATEWAY_DATABASE_URL", "LLM_GATEWAY_REDIS_URL"} <= set(first)


def test_new_env_wants_the_host() -> None:
    ran = subprocess.run([DEPLOY / "new-env"], capture_output=True, text=True, check=False)
    assert ran.returncode != 0 and "usage" in ran.stderr and ran.stdout == ""


def test_the_secrets_are_kept_out_of_git() -> None:
    assert subprocess.run(["git", "check-ignore", "-q", "deploy/.env"], cwd=ROOT, check=False).returncode == 0


def test_images_are_pinned() -> None:
    named = [service["image"] for service in deployment.compose()["services"].values()]
    named += re.findall(r"^ARG \w*IMAGE=(\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert all(re.search(r":\d+\.\d+", image) for image in named), named
    kustomization = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    pinned = {image["name"]: image["newTag"] for image in kustomization["images"]}
    used = {container["image"] for _, pod in deployment.pods() for container in pod["containers"]}
    assert used == set(pinned) and all(re.match(r"\d+\.\d+", tag) for tag in pinned.values())


def test_the_kustomization_names_every_manifest_but_the_example() -> None:
    folder = DEPLOY / "kubernetes"
    named = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert sorted(named) == sorted(
        file.name for file in folder.glob("*.yaml") if file.name not in ("kustomization.yaml", "secret.example.yaml")
    )


@pytest.mark.parametrize(
    ("name", "pod"), list(deployment.pods()), ids=lambda value: value if type(value) is str else ""
)
def test_a_pod_runs_with_few_rights_and_time_to_drain(name: str, pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}
    assert name.endswith("init") or pod["terminationGracePeriodSeconds"] > 30


def test_selectors_and_names_of_the_manifests_meet() -> None:
    objects = {
        (document["kind"], document["metadata"]["name"]): document
        for document in deployment.kubernetes()
        if "name" in document.get("metadata", {})
    }
    for (kind, _), document in objects.items():
        spec = document.get("spec", {})
        if kind == "StatefulSet":
            assert ("Service", spec["serviceName"]) in objects
            assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
        if kind == "HorizontalPodAutoscaler":
            assert (spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]) in objects
        if kind == "Service":
            labels = [
                one["spec"]["template"]["metadata"]["labels"]
                for one in objects.values()
                if one["kind"] == "StatefulSet"
            ]
            assert any(spec["selector"] == label for label in labels)


def test_kubectl_takes_the_kustomization() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("not available: kubectl, to build deploy/kubernetes")
    built = subprocess.run([kubectl, "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    made = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(built.stdout)}
    assert {("StatefulSet", "llm-gateway-api"), ("StatefulSet", "llm-gateway-worker"), ("Job", "llm-gateway-init")} <= {
        *made
    }
    assert all(
        one["metadata"].get("namespace") == "llm-gateway" for (kind, _), one in made.items() if kind != "Namespace"
    )
