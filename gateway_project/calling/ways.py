"""Which client a call goes through: over HTTP to a gateway, or in this process, with the database's configuration."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import Error as DatabaseError

from gateway_project import wiring
from gateway_project.calling.usage import WrongUsage
from llm.core.client import LLMGatewayClient as LocalClient
from llm.core.config_loader import ConfigLoader
from llm.core.errors import ConfigurationError
from llm.core.factory import ProviderFactory
from llm_gateway_client import LLMGatewayClient
from llm_gateway_client.client import Client


@contextmanager
def client(options: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[Client]:
    """To be opened outside of a loop. In this process, the records of its calls are kept at the end of it."""
    url = options["url"] or environment.get("LLM_GATEWAY_URL", "").strip()
    if not url and options["key"]:
        raise WrongUsage("--key needs the --url of a gateway (or LLM_GATEWAY_URL).")
    with _quiet():
        if url:
            yield _remote(url, options, environment)
        else:
            with _local(options["project"] or "default") as found:
                yield found


def _remote(url: str, options: Mapping[str, Any], environment: Mapping[str, str]) -> Client:
    if options["project"]:
        raise WrongUsage("--project is for calls in this process: over HTTP the key tells the project.")
    key = options["key"] or environment.get("LLM_GATEWAY_PROJECT_KEY", "").strip()
    if not key:
        raise WrongUsage("A call over HTTP needs a project's key: --key, or LLM_GATEWAY_PROJECT_KEY.")
    try:
        return LLMGatewayClient(base_url=url, api_key=key)
    except ValueError as error:
        raise WrongUsage(str(error)) from error


@contextmanager
def _local(project: str) -> Iterator[Client]:
    try:
        config = ConfigLoader(source="database").load_config_as_object()
    except (ConfigurationError, DatabaseError) as error:
        raise WrongUsage("The database's configuration cannot be read. Was the database made (init_db)?") from error
    wiring.install(ingest=True)  # beside a running gateway, that one does it
    try:
        yield LocalClient(config, ProviderFactory(), project=project)
    finally:
        wiring.runtime().stop()
        wiring.forget_runtime()


@contextmanager
def _quiet() -> Iterator[None]:
    """What a program logs of each call is in the way of a person at a terminal; warnings are not."""
    loggers = [logging.getLogger(name) for name in ("", "llm.access")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(max(logger.level, logging.WARNING))
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
