from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0002_prices"),
    ]

    operations = [
        migrations.AddField(
            model_name="configfilestate",
            name="content",
            field=models.JSONField(default=dict),
        ),
    ]
