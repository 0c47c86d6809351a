"""The version of the wheel `llm-gateway-client`; its pyproject.toml reads it from here."""

__version__ = "0.1.0"
