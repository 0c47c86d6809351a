"""Another program's Celery settings, in the environment of ours."""

from __future__ import annotations

import os

import pytest
from celery import Celery

from gateway_project.celery import forget_foreign_settings


@pytest.mark.parametrize("ours", [False, True])
def test_they_are_preferred_by_celery_unless_they_are_forgotten(ours: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://theirs/0")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "redis://theirs/0")
    if ours:
        forget_foreign_settings(os.environ)
    app = Celery("tried", set_as_current=False)
    app.conf.update(broker_url="redis://ours/0", result_backend="redis://ours/0")
    assert ("theirs" in f"{app.conf.broker_url} {app.conf.result_backend}") is not ours
