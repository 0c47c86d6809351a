"""Django settings. What an operator sets comes from the environment (CONTRACT: `LLM_GATEWAY_*`)."""

from __future__ import annotations

from datetime import timedelta

from gateway_project.settings import environment as _environment
from gateway_project.settings import single_sign_on as _single_sign_on
from gateway_project.settings.theme import UNFOLD  # noqa: F401  # reason: Django reads settings as module attributes

_environment.warn_of_unknown_names()

BASE_DIR = _environment.BASE_DIR
GATEWAY_ENV = _environment.environment_name()
DATA_DIR = _environment.path("DATA_DIR", "data")
CONFIG_PATH = _environment.path("CONFIG_PATH", "config/gateway_config.yaml")
CONFIG_PATH_IS_EXPLICIT = bool(_environment.text("CONFIG_PATH"))
API_HOST = _environment.text("API_HOST", "0.0.0.0")
API_PORT = _environment.number("API_PORT", 8000)
REDIS_URL = _environment.text("REDIS_URL")
BROKER_URL = _environment.text("BROKER_URL") or REDIS_URL
ALLOW_PRIVATE_UPSTREAMS = _environment.boolean("ALLOW_PRIVATE_UPSTREAMS", GATEWAY_ENV == "development")
KEY_ENV = _environment.items("KEY_ENV", "*_API_KEY")
SECRETS_DIR = _environment.text("SECRETS_DIR")
TRUSTED_PROXIES = _environment.items("TRUSTED_PROXIES")
METRICS_TOKEN = _environment.text("METRICS_TOKEN")
SPOOL_MAX_MB = _environment.number("SPOOL_MAX_MB", 1024, least=1)
RECORD_REQUIRED = _environment.boolean("RECORD_REQUIRED", True)
REQUIRE_REASON = _environment.boolean("REQUIRE_REASON", False)
# Where an in-process client of a Django process reads the configuration: a llm.core.config_source.ConfigSource.
LLM_GATEWAY_CONFIG_SOURCE = "providers.config_source.DatabaseConfigSource"
LOG_LEVEL = _environment.text("LOG_LEVEL", "INFO").upper()

FERNET_KEYS = _environment.encryption_keys(DATA_DIR, GATEWAY_ENV)
SECRET_KEY = _environment.text("SECRET_KEY") or _environment.derived(FERNET_KEYS[0], "django-secret-key")
DEBUG = False
ALLOWED_HOSTS = _environment.items(
    "ALLOWED_HOSTS", "*" if GATEWAY_ENV == "development" else "localhost,127.0.0.1,[::1]"
)
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if host not in ("*", "[::1]")]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "simple_history",
    "axes",
    "audit",
    "providers",
    "access",
    "gateway_project",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "audit.middleware.SourceMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it turns the answer of a locked login into its page
]

ROOT_URLCONF = "gateway_project.urls"
WSGI_APPLICATION = "gateway_project.wsgi.application"
ASGI_APPLICATION = "gateway_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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

DATABASES = {"default": _environment.database(_environment.text("DATABASE_URL", "sqlite:///./llm_gateway.db"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # no collectstatic step between clone and first page

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "access.backends.ScopedPermissions"]
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "access.lockout.client_ip"
AXES_LOCKOUT_CALLABLE = "access.lockout.locked"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # access.admin.lockout has a page of its own
AXES_VERBOSE = False

if _single_sign_on.active():
    globals().update(_single_sign_on.settings())
    INSTALLED_APPS.append(_single_sign_on.APP)
    AUTHENTICATION_BACKENDS.append(_single_sign_on.BACKEND)

LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = GATEWAY_ENV == "production"
SECURE_CONTENT_TYPE_NOSNIFF = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.api.authentication.UserTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["audit.api.permissions.ModelPermissions"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["audit.api.parsers.BoundedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "audit.api.base.Pagination",
    "DEFAULT_SCHEMA_CLASS": "audit.api.openapi.Schema",
    "EXCEPTION_HANDLER": "audit.api.base.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "LLM Gateway: management API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX_TRIM": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "llm.observe.log.JsonFormatter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
        "access": {"class": "llm.observe.log.AccessHandler", "formatter": "json"},
    },
    "loggers": {
        "llm.access": {"handlers": ["access"], "propagate": False},
        "axes": {"level": "WARNING"},  # lock-outs, not every login
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}
