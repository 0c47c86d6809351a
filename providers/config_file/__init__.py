"""The configuration as a YAML file, in both directions.

    export: states (object name -> dump) -> document -> YAML
    import: YAML -> document -> wanted objects -> merged with the database -> written through the services

`exporting.text(states.read())` is the file of the database now.
"""

from providers.config_file.applying import Report, import_text, sync

__all__ = ["Report", "import_text", "sync"]
