"""The gateway's addresses as they are where single sign-on is configured."""

from django.urls import include, path

from gateway_project.urls import handler404 as handler404
from gateway_project.urls import urlpatterns as ours

urlpatterns = [path("sso/", include("mozilla_django_oidc.urls")), *ours]
