"""Clients of a user: with a token, and with the session of a browser."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from access import services


def api(user: User) -> APIClient:
    """A client of the management API with a token of the user."""
    _, text = services.create_token(user=user, name="tests")
    client = APIClient()
    client.default_format = "json"
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
