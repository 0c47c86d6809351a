"""The data plane: relays, translates, routes and accounts LLM calls. Knows no Django (but for `tasks`)."""
