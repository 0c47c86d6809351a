"""The route table: probes, unknown paths, methods, models."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from llm import sync
from llm.http.app import owns
from llm.snapshot import Caller, Model, Route, RouteTarget, Snapshot
from tests.llm.http.serving import Serving, chat
from tests.llm.service.snapshots import snapshot, upstream


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("/v1", True),
        ("/v1/", True),
        ("/v1/anything/at/all", True),
        ("/generate", True),
        ("/generate/", True),
        ("/health", True),
        ("/ready/", True),
        ("/", False),
        ("/v10", False),
        ("/v1beta/models", False),
        ("/providers", False),
        ("/generate/more", False),
        ("/healthy", False),
    ],
)
def test_the_data_plane_owns_its_paths(path: str, ours: bool) -> None:
    assert owns(path) is ours


async def test_probes_need_no_key(door: Serving) -> None:
    for path in ("/health", "/health/"):
        answered = await door.get(path, authorization="")
        assert (answered.status, answered.json) == (200, {"status": "ok"})
    ready = await door.get("/ready", authorization="")
    assert (ready.status, ready.json) == (200, {"status": "ready", "not_ready": [], "modes": {}})
    assert (await door.send("HEAD", "/health")).status == 200


async def test_ready_names_what_is_missing() -> None:
    async with Serving(None, readiness=lambda: ["spool"]) as door:
        answered = await door.get("/ready")
        assert (answered.status, answered.json["not_ready"]) == (503, ["configuration", "spool"])
        assert (await door.get("/health")).status == 200
        early = await door.post("/v1/chat/completions", chat("x"))
        assert (early.status, early.json["error"]["code"]) == (503, "no_healthy_upstream")
        assert (early.headers["retry-after"], early.headers["x-should-retry"]) == ("1", "true")


@pytest.mark.parametrize("path", ["/v1", "/v1/nothing", "/v1/chat", "/v1/embeddings/x", "/v1/chat/completions/x"])
async def test_an_unknown_path_answers_in_openais_envelope(door: Serving, path: str) -> None:
    answered = await door.get(path)
    assert (answered.status, answered.json["error"]["code"]) == (404, "unknown_url")
    assert answered.json["error"]["source"] == "gateway"
    assert answered.json["error"]["request_id"] == answered.headers["x-request-id"]
    assert not door.memory.records


async def test_an_unknown_path_below_messages_answers_in_anthropics(door: Serving) -> None:
    answered = await door.post("/v1/messages/nothing", {})
    assert (answered.status, answered.json["type"]) == (404, "error")
    assert answered.json["error"]["type"] == "not_found_error"
    assert answered.json["request_id"] == answered.headers["request-id"] == answered.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/messages/", "POST"),
        ("DELETE", "/generate", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/v1/models/oa/gpt-4o", "GET, HEAD"),
        ("POST", "/health", "GET, HEAD"),
    ],
)
async def test_another_method_is_405_and_told_which(door: Serving, method: str, path: str, allowed: str) -> None:
    answered = await door.send(method, path)
    assert (answered.status, answered.headers["allow"]) == (405, allowed)
    envelope = answered.json
    assert (
        (envelope["type"] == "error") if "messages" in path else (envelope["error"]["code"] == "method_not_supported")
    )


async def test_models_are_listed_in_both_shapes(door: Serving) -> None:
    names = ["fast", "an/claude-sonnet-4-5", "e/echo", "oa/gpt-4o"]
    ours = (await door.get("/v1/models/")).json
    assert (ours["object"], [model["id"] for model in ours["data"]]) == ("list", names)
    assert ours["data"][-1] == {"id": "oa/gpt-4o", "object": "model", "created": 0, "owned_by": "oa"}
    theirs = (await door.get("/v1/models", anthropic_version="2023-06-01")).json
    assert [model["id"] for model in theirs["data"]] == names
    assert (theirs["has_more"], theirs["first_id"], theirs["last_id"]) == (False, names[0], names[-1])
    assert theirs["data"][0]["created_at"] == "1970-01-01T00:00:00Z"


async def test_models_show_only_what_the_key_may_use(config: Snapshot) -> None:
    narrow = snapshot(
        config.providers.upstreams.values(),
        config.providers.models.values(),
        config.providers.routes.values(),
        caller=Caller("default", "key-a", key_allowed_models=("e/*",)),
    )
    async with Serving(narrow) as door:
        assert [model["id"] for model in (await door.get("/v1/models")).json["data"]] == ["e/echo"]
        assert (await door.get("/v1/models/e/echo")).status == 200
        hidden = await door.get("/v1/models/oa/gpt-4o")
        assert (hidden.status, hidden.json["error"]["code"]) == (404, "model_not_found")
        theirs = await door.get("/v1/models/oa/gpt-4o", anthropic_version="2023-06-01")
        assert (theirs.status, theirs.json["error"]["type"]) == (404, "not_found_error")


async def test_a_models_id_may_hold_slashes_dots_and_colons() -> None:
    model = Model("e", "org/deep.v1:free", "Deep", created=1_700_000_000)
    config = snapshot([upstream("e")], [model], [Route("r", (RouteTarget("e", "org/deep.v1:free"),))])
    async with Serving(config) as door:
        for path in ("e/org/deep.v1:free", "e%2Forg%2Fdeep.v1:free", "org/deep.v1:free"):
            found = (await door.get(f"/v1/models/{path}/")).json
            assert (found["id"].endswith("org/deep.v1:free"), found["created"]) == (True, 1_700_000_000)
        theirs = (await door.get("/v1/models/r", anthropic_version="x")).json
        assert (theirs["type"], theirs["id"], theirs["display_name"]) == ("model", "r", "r")


async def test_models_need_a_key(door: Serving) -> None:
    for path in ("/v1/models", "/v1/models/fast"):
        answered = await door.get(path, authorization="Bearer gw-wrong")
        assert (answered.status, answered.json["error"]["code"]) == (401, "invalid_api_key")
        theirs = await door.get(path, authorization="Bearer gw-wrong", anthropic_version="x")
        assert (theirs.status, theirs.json["error"]["type"]) == (401, "authentication_error")


async def test_a_request_id_is_kept_if_it_is_a_label(door: Serving) -> None:
    for label in ("mine-1", "~" * 128):
        assert (await door.get("/v1/models", x_request_id=label)).headers["x-request-id"] == label
    for other in ("x" * 129, "two words", "caf\u00e9", ""):
        made = (await door.get("/v1/models", x_request_id=other)).headers["x-request-id"]
        assert made != other and len(made) == 36


async def test_the_servers_loop_is_the_processs_loop_while_it_serves(door: Serving) -> None:
    async def here() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert await asyncio.to_thread(lambda: sync.run(here())) is asyncio.get_running_loop()


async def test_a_defect_of_a_probe_is_500(config: Snapshot) -> None:
    def broken() -> list[str]:
        raise ZeroDivisionError

    async with Serving(config, readiness=broken) as door:
        assert (await door.get("/ready")).json["error"]["code"] == "internal_error"


async def test_a_web_socket_is_refused(door: Serving) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await door.session.ws_connect("/v1/chat/completions")
