"""Settings of the test suite: SQLite, or the database of LLM_GATEWAY_TEST_DATABASE_URL.

Nothing of the developer's own settings is read.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

for _name in [name for name in os.environ if name.startswith("LLM_GATEWAY_") and "_TEST_" not in name]:
    del os.environ[_name]
_folder = tempfile.mkdtemp(prefix="llm-gateway-test-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["LLM_GATEWAY_DATA_DIR"] = _folder
os.environ["LLM_GATEWAY_ENCRYPTION_KEY"] = "test-key-of-the-suite-0123456789abcdef"

from gateway_project.settings import *  # noqa: E402, F403  # reason: a settings module extends another by star import
from gateway_project.settings import environment  # noqa: E402  # reason: after the environment is set

_url = os.environ.get("LLM_GATEWAY_TEST_DATABASE_URL")
if _url:
    DATABASES = {"default": environment.database(_url)}
else:
    # A file, not memory: the suite's processes and threads share it as they would in production.
    DATABASES = {"default": environment.database(f"sqlite:///{Path(_folder) / 'gateway.db'}")}
    DATABASES["default"]["TEST"] = {"NAME": str(Path(_folder) / "test.db")}

# A test that syncs a provider writes this one, and not the file that is shipped.
CONFIG_PATH = Path(_folder) / "gateway_config.yaml"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOW_PRIVATE_UPSTREAMS = True
