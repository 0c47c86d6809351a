"""Paths of the management API about callers, with and without a slash at the end."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from access.api.views import IN_PATH, ProjectKeyViewSet, ProjectViewSet

router = SimpleRouter()
router.trailing_slash = "/?"  # the constructor knows only "with" and "without"
router.register("projects", ProjectViewSet, basename="project")
router.register(rf"projects/(?P<slug>{IN_PATH})/keys", ProjectKeyViewSet, basename="project-key")

urlpatterns = router.urls
