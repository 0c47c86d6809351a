"""Pages of the admin that belong to no model. Included before the admin's own addresses."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from gateway_project.admin_site import health, playground

urlpatterns = [
    path("health/", admin.site.admin_view(health.page), name="health"),
    path("health/reset/", admin.site.admin_view(health.reset), name="health_reset"),
    path("playground/", admin.site.admin_view(playground.page), name="playground"),
    path("playground/call/", admin.site.admin_view(playground.call), name="playground_call"),
]
