"""What stands before Django in the control process: the caller's address, and bodies without a length."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest

from gateway_project.supervisor.control import IN_MEMORY, LONGEST_BODY, Behind


class Application:
    """A WSGI application that keeps what it is given and reads a body by its length, as Django does."""

    def __init__(self) -> None:
        self.environ: dict[str, Any] = {}
        self.body = b""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environ = environ
        self.body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", [])
        return [b"done"]


def ask(application: Application, path: str = "/x", body: bytes = b"", **environ: Any) -> tuple[str, bytes]:
    """Status line and body."""
    told: list[str] = []
    given = {"PATH_INFO": path, "REMOTE_ADDR": "", "wsgi.input": io.BytesIO(body), **environ}
    answer = Behind(application)(given, lambda status, headers: told.append(status))
    return told[0], b"".join(answer)


@pytest.mark.parametrize(
    ("peer", "address", "port"),
    [("203.0.113.9 4711", "203.0.113.9", "4711"), ("2001:db8::1 80", "2001:db8::1", "80"), ("", "", "")],
)
def test_the_address_is_the_one_that_the_relay_names(peer: str, address: str, port: str) -> None:
    application = Application()
    assert ask(application, HTTP_X_GATEWAY_PEER=peer) == ("200 OK", b"done")
    assert (application.environ["REMOTE_ADDR"], application.environ["REMOTE_PORT"]) == (address, port)
    assert "HTTP_X_GATEWAY_PEER" not in application.environ


def test_the_supervisors_question_does_not_reach_django() -> None:
    application = Application()
    assert ask(application, "/health") == ("204 No Content", b"")
    assert application.environ == {}


@pytest.mark.parametrize("size", [0, 10, IN_MEMORY * 2])
def test_a_body_in_chunks_gets_its_length(size: int) -> None:
    application = Application()
    assert ask(application, body=b"x" * size, HTTP_TRANSFER_ENCODING="Chunked")[0] == "200 OK"
    assert application.body == b"x" * size


def test_a_body_in_chunks_is_bounded() -> None:
    application = Application()
    status, _ = ask(application, body=b"x" * (LONGEST_BODY + 1), HTTP_TRANSFER_ENCODING="chunked")
    assert status == "413 Content Too Large"
    assert application.environ == {}


def test_a_body_with_its_length_is_left_alone() -> None:
    application = Application()
    ask(application, body=b"body and more", CONTENT_LENGTH="4")
    assert application.body == b"body"
