"""The HTTP doors of the data plane: a raw ASGI application, before Django."""
