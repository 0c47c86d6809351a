"""The settings of a data worker: the same, with only the apps that a configuration is read from. No admin, no REST:
they would cost start and memory, and nothing of them is served there."""

from gateway_project.settings import *  # noqa: F403  # reason: the same settings, one of them changed

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "simple_history",
    "audit",
    "providers",
    "access",
    "gateway_project",
]
ROOT_URLCONF = ""
