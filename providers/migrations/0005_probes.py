from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0004_route_strategies"),
    ]

    operations = [
        migrations.AddField("providerstate", "last_probe_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("providerstate", "last_probe", models.JSONField(blank=True, null=True)),
        migrations.AddField("providerstate", "probes_failed", models.PositiveIntegerField(default=0, db_default=0)),
        migrations.AddField("apikeystate", "last_probe_at", models.DateTimeField(blank=True, null=True)),
    ]
