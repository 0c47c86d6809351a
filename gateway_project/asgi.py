"""One process for any ASGI server: /v1/*, /generate, /health, /ready go to the data plane's application before
Django sees them; all else goes to Django. The spool is ingested here too."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
_django = get_asgi_application()

# It needs Django's settings and apps, so it comes after they are set up.
from gateway_project.front import Front  # noqa: E402  # reason: see above

application = Front(_django, ingest=True)
