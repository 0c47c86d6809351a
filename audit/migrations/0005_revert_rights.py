from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0004_key_rollups'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='changeset',
            options={
                'ordering': ['-revision'],
                'permissions': [
                    ('revert_changeset', 'Can revert a change set or single objects'),
                    ('revert_everything', 'Can revert the whole configuration to a revision'),
                ],
            },
        ),
    ]
