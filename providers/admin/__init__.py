"""Admin pages of providers and routes."""

from providers.admin import children, price, provider, route

__all__ = ["children", "price", "provider", "route"]
