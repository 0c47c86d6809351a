"""/config/export, /config/import, /config/schema and POST /providers/{id}/sync, through HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from access.roles import ensure_groups
from audit import history
from audit.models import ChangeSet
from providers import config_file
from providers.models import ApiKey, Provider

from .conftest import SECRET

pytestmark = pytest.mark.django_db
FILE = """
version: 1
providers:
  openai:
    provider_type: openai
    api_keys: [{reference: "env:OPENAI_API_KEY"}]
    models: {"meta-llama/Llama-3:free": {}}
routes:
  fast: {targets: [{model: "openai/meta-llama/Llama-3:free"}]}
"""


def member(role: str) -> APIClient:
    ensure_groups()
    user = get_user_model().objects.create_user(role)
    user.groups.add(Group.objects.get(name=role))
    client = APIClient()
    client.force_authenticate(user)
    return client


def send(client: APIClient, text: str, query: str = "", **headers: str) -> Any:
    return client.post(f"/config/import{query}", text, content_type="application/yaml", headers=headers)


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_import_is_one_change_set_with_origin_import(api: APIClient, slash: str) -> None:
    answer = api.post(
        f"/config/import{slash}", FILE, content_type="application/yaml", headers={"x-change-reason": "set up"}
    )
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["plan"][0] == "+ provider:openai"
    assert body["plan"][-1] == "+ route:fast"
    assert (body["dry_run"], body["kept"], body["revision"]) == (False, [], history.revision())
    change = ChangeSet.objects.get()
    assert (change.origin, change.actor, change.reason) == ("import", "root", "set up")


def test_a_second_import_of_the_same_changes_nothing(api: APIClient) -> None:
    send(api, FILE)
    body = send(api, FILE).json()
    assert (body["plan"], body["revision"]) == ([], None)
    assert ChangeSet.objects.count() == 1


def test_a_dry_run_tells_the_plan_and_does_nothing(api: APIClient) -> None:
    plan = send(api, FILE, "?dry_run=true").json()["plan"]
    assert not Provider.objects.exists()
    assert history.revision() == 0
    made = send(api, FILE, "?dry_run=false").json()["plan"]
    assert [line.partition("/key-")[0] for line in made] == [line.partition("/key-")[0] for line in plan]


def test_pruning(api: APIClient) -> None:
    send(api, FILE)
    plan = send(api, "version: 1\nproviders: {echo: {provider_type: echo}}", "?prune=true").json()["plan"]
    assert plan[0] == "+ provider:echo"
    assert {"- provider:openai", "- route:fast"} <= set(plan)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (FILE.replace("routes:", "roads:"), "line 8: roads: there is no such field."),
        (FILE.replace("{targets", "{colour: 1, targets"), "line 9: routes.fast.colour: there is no such field."),
        (FILE.replace("provider_type: openai", "provider_type: none"), "line 5: providers.openai.provider_type: "),
        (FILE.replace("env:OPENAI", "env:LLM_GATEWAY"), "line 6: providers.openai.api_keys.0.reference: "),
        (FILE.replace('model: "openai', 'model: "closed'), "line 9: routes.fast.targets.0.model: There is no model"),
        ("version: 1\nversion: 1", "line 2: version stands here twice."),
        ("a: [", "The configuration is no YAML"),
        ("", "version: it must be 1."),
    ],
    ids=range(8),
)
def test_what_is_wrong_is_400_with_its_line_and_nothing_is_written(api: APIClient, text: str, line: str) -> None:
    answer = send(api, text)
    assert answer.status_code == 400
    assert any(line in told for told in answer.json()["file"]), answer.json()
    assert not Provider.objects.exists()
    assert history.revision() == 0


def test_every_problem_is_told_at_once(api: APIClient) -> None:
    text = FILE.replace("Llama-3:free", "Llama-3?free").replace("env:OPENAI", "env:LLM_GATEWAY")
    assert [told.partition(":")[0] for told in send(api, text).json()["file"]] == ["line 6", "line 7", "line 9"]


def test_unknown_parameters_and_other_types_are_refused(api: APIClient) -> None:
    assert send(api, FILE, "?dryrun=true").json() == {"dryrun": ["There is no such parameter."]}
    assert send(api, FILE, "?dry_run=maybe").json() == {"dry_run": ["It must be true or false."]}
    assert api.post("/config/import", {"version": 1}, format="json").status_code == 415
    assert not Provider.objects.exists()


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_export_speaks_yaml_and_is_imported_as_it_is(api: APIClient, openai: dict[str, Any], slash: str) -> None:
    answer = api.get(f"/config/export{slash}", headers={"accept": "application/yaml"})
    assert (answer.status_code, answer["content-type"]) == (200, "application/yaml")
    text = answer.content.decode()
    assert SECRET not in text
    stored = yaml.safe_load(text)["providers"]["openai"]["api_keys"][0]["secret"]
    assert stored == {"stored": openai["api_keys"][0]["fingerprint"]}
    assert send(api, text).json()["plan"] == []
    assert ApiKey.objects.get().secret == SECRET


def test_another_fingerprint_never_takes_a_key_that_serves(api: APIClient, openai: dict[str, Any]) -> None:
    text = api.get("/config/export").content.decode()
    changed = text.replace(openai["api_keys"][0]["fingerprint"], "0123456789abcdef")
    body = send(api, changed).json()
    assert body["plan"] == []
    assert "another secret is stored" in body["kept"][0]
    key = ApiKey.objects.get()
    assert (key.secret, key.enabled) == (SECRET, True)


def test_an_import_cannot_send_a_stored_key_elsewhere(api: APIClient, openai: dict[str, Any]) -> None:
    text = api.get("/config/export").content.decode()
    document = yaml.safe_load(text)
    document["providers"]["openai"]["connection_params"] = {"api_base": "https://evil.example.com/v1"}
    document["providers"]["openai"]["api_keys"][0]["bound_to"] = "https://evil.example.com:443|proxy=-|verify=true"
    assert send(api, yaml.safe_dump(document)).status_code == 200
    assert "evil" not in ApiKey.objects.get().bound_to
    [key] = api.get("/providers/openai/api-keys").json()["results"]
    assert key["state"] == "awaiting_secret"


def test_who_changes_an_address_does_not_get_the_key_that_a_file_refers_to(api: APIClient) -> None:
    send(api, FILE)
    bound_to = ApiKey.objects.get().bound_to
    api.patch("/providers/openai", {"connection_params": {"api_base": "https://evil.example.com/v1"}})
    assert send(api, FILE).json()["plan"] == []
    assert ApiKey.objects.get().bound_to == bound_to


def test_a_key_that_waits_is_entered_by_a_file_that_has_its_value(api: APIClient, openai: dict[str, Any]) -> None:
    text = api.get("/config/export").content.decode()
    api.delete("/providers/openai")
    send(api, text)
    key = ApiKey.objects.get()
    assert (key.secret, key.enabled) == (None, False)
    document = yaml.safe_load(text)
    document["providers"]["openai"]["api_keys"][0]["secret"] = SECRET
    assert send(api, yaml.safe_dump(document)).json()["plan"] != []
    key.refresh_from_db()
    assert (key.secret, key.enabled) == (SECRET, True)
    assert api.get("/config/export").content.decode() == text


def test_a_reason_is_demanded_where_the_setting_says_so(api: APIClient, settings: Any) -> None:
    settings.REQUIRE_REASON = True
    assert "reason" in send(api, FILE).json()
    assert send(api, FILE, "?dry_run=true").status_code == 200
    assert not Provider.objects.exists()
    assert send(api, FILE, **{"x-change-reason": "new"}).status_code == 200
    assert ChangeSet.objects.get().reason == "new"


def test_the_schema_is_one_and_an_export_fits_it(api: APIClient, openai: dict[str, Any]) -> None:
    schema = api.get("/config/schema").json()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(yaml.safe_load(api.get("/config/export").content))
    assert not validator.is_valid({"version": 1, "colour": "blue"})


@pytest.mark.parametrize(
    ("role", "reads", "writes"), [("viewer", 200, 403), ("operator", 200, 403), ("admin", 200, 200)]
)
def test_all_may_read_and_only_admins_write(
    api: APIClient, openai: dict[str, Any], role: str, reads: int, writes: int, settings: Any, tmp_path: Path
) -> None:
    settings.CONFIG_PATH = str(tmp_path / "gateway.yaml")
    client = member(role)
    assert client.get("/config/export").status_code == reads
    assert client.get("/config/schema").status_code == reads
    assert send(client, FILE).status_code == writes
    assert client.post("/providers/openai/sync").status_code == writes


def test_nobody_is_401(db: None) -> None:
    for path in ("/config/export", "/config/schema"):
        assert APIClient().get(path).status_code == 401
    assert send(APIClient(), FILE).status_code == 401
    assert APIClient().post("/providers/openai/sync").status_code == 401


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_provider_is_written_into_the_file(
    api: APIClient, openai: dict[str, Any], settings: Any, tmp_path: Path, slash: str
) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("# Ours.\nversion: 1\nproviders:\n  # gone\n  other: {provider_type: echo}\n")
    path.chmod(0o640)
    settings.CONFIG_PATH = str(path)
    before = history.revision()
    answer = api.post(f"/providers/openai/sync{slash}")
    assert answer.status_code == 200, answer.json()
    text = path.read_text()
    assert text.startswith("# Ours.\nversion") or text.startswith("# Ours.\nproviders")
    document = yaml.safe_load(text)
    assert document["providers"]["other"] == {"provider_type": "echo"}
    assert document["providers"]["openai"] == yaml.safe_load(answer.json()["yaml"])["providers"]["openai"]
    assert path.stat().st_mode & 0o777 == 0o640
    assert SECRET not in text
    assert os.listdir(tmp_path) == ["gateway.yaml"]
    assert history.revision() == before
    assert config_file.sync(path).plan == ["+ provider:other"]


def test_a_file_that_is_not_there_is_made(
    api: APIClient, openai: dict[str, Any], settings: Any, tmp_path: Path
) -> None:
    settings.CONFIG_PATH = str(tmp_path / "gateway.yaml")
    assert api.post("/providers/openai/sync").status_code == 200
    assert config_file.sync(tmp_path / "gateway.yaml").plan == []


@pytest.mark.parametrize("content", [None, "a: [", "version: 1\ncolour: blue\n"])
def test_a_file_that_cannot_be_written_is_409_with_the_yaml(
    api: APIClient, openai: dict[str, Any], settings: Any, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "gateway.yaml" if content is not None else tmp_path / "no-such-folder" / "gateway.yaml"
    if content is not None:
        path.write_text(content)
    settings.CONFIG_PATH = str(path)
    answer = api.post("/providers/openai/sync")
    assert answer.status_code == 409
    assert str(tmp_path) not in answer.content.decode()
    assert list(yaml.safe_load(answer.json()["yaml"])["providers"]) == ["openai"]
    assert content is None or path.read_text() == content


def test_a_file_that_may_not_be_written_stays(
    api: APIClient, openai: dict[str, Any], settings: Any, tmp_path: Path
) -> None:
    path = tmp_path / "gateway.yaml"
    path.mkdir()  # nobody, root neither, writes a folder as a file
    settings.CONFIG_PATH = str(path)
    answer = api.post("/providers/openai/sync")
    assert (answer.status_code, answer.json()["provider_id"]) == (409, "openai")
    assert os.listdir(tmp_path) == ["gateway.yaml"]


def test_a_link_to_the_file_stays_one(api: APIClient, openai: dict[str, Any], settings: Any, tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("version: 1\n")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real.yaml")
    settings.CONFIG_PATH = str(tmp_path / "link.yaml")
    assert api.post("/providers/openai/sync").status_code == 200
    assert (tmp_path / "link.yaml").is_symlink()
    assert "openai" in (tmp_path / "real.yaml").read_text()


def test_a_provider_that_is_not_there_is_404(api: APIClient) -> None:
    assert api.post("/providers/none/sync").status_code == 404
