from django.db import migrations, models

STRATEGIES = [
    ("priority", "Priority"),
    ("weighted", "Weighted"),
    ("round_robin", "Round-robin"),
    ("least_latency", "Least latency"),
    ("lowest_cost", "Lowest cost"),
    ("least_busy", "Least busy"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0003_config_file_content"),
    ]

    operations = [
        migrations.AlterField(
            model_name=name,
            name="strategy",
            field=models.CharField(choices=STRATEGIES, default="priority", max_length=20),
        )
        for name in ("historicalroute", "route")
    ]
