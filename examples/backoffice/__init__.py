"""A small backoffice that manages and uses an LLM Gateway; see README.md."""
