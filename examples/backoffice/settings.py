"""Django's settings, as few as there can be. What differs between installations comes from the environment."""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

FOLDER = Path(__file__).resolve().parent

GATEWAY_URL = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8000")
GATEWAY_ADMIN_TOKEN = os.environ.get("GATEWAY_ADMIN_TOKEN", "")
GATEWAY_KEY = os.environ.get("GATEWAY_KEY", "")
GATEWAY_REDIS = os.environ.get("GATEWAY_REDIS", "")
GATEWAY_PROJECT = os.environ.get("GATEWAY_PROJECT", "default")

# Without a key of its own, sessions end when the process does.
SECRET_KEY = os.environ.get("BACKOFFICE_SECRET_KEY") or get_random_secret_key()
ALLOWED_HOSTS = os.environ.get("BACKOFFICE_HOSTS", "127.0.0.1,localhost").split(",")
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "backoffice",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "backoffice.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("BACKOFFICE_DATABASE", str(FOLDER / "backoffice.db")),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "login", "ask", "login"
