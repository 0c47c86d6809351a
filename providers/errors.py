"""Errors of the configuration as a whole."""

from llm.core.errors import ConfigurationError

__all__ = ["ConfigurationError"]
