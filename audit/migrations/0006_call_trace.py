"""Adds the trace to the Call table without rewriting a row of it, however many there are. Its default stays in the
database: an ingester of the version before, on another machine, goes on storing calls while this one is brought up."""

from django.db import migrations, models


def add_trace(apps, schema_editor):
    # On PostgreSQL on the parent: it reaches every partition.
    kind = "jsonb" if schema_editor.connection.vendor == "postgresql" else "text"
    schema_editor.execute(f"ALTER TABLE audit_call ADD COLUMN trace {kind} NOT NULL DEFAULT '[]'", params=None)


def drop_trace(apps, schema_editor):
    schema_editor.execute("ALTER TABLE audit_call DROP COLUMN trace", params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0005_revert_rights'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(add_trace, drop_trace)],
            state_operations=[
                migrations.AddField(
                    model_name='call',
                    name='trace',
                    field=models.JSONField(blank=True, default=list),
                ),
            ],
        ),
    ]
