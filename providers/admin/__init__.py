"""Admin pages of providers and routes."""

from providers.admin import children, provider, route

__all__ = ["children", "provider", "route"]
