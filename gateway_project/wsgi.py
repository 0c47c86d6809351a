"""The control plane alone (admin, management API) under WSGI. A call from here (the playground, a test of a provider)
goes through a Gateway that is made with the first of them."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
application = get_wsgi_application()

# It needs Django's apps, so it comes after they are set up.
from gateway_project import wiring  # noqa: E402  # reason: see above

wiring.install()
