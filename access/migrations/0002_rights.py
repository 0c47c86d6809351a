import audit.history
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

# What init_db gave to the groups before the product kept account of it.
VIEWED = [
    "audit.changeset", "audit.call", "providers.provider", "providers.providermodel", "providers.apikey",
    "providers.connectionparameter", "providers.route", "access.project", "access.projectkey",
]
OPERATED = [name for name in VIEWED if not name.startswith("audit.")]
ADMINISTERED = ["access.usertoken", "auth.user", "auth.group"]
WRITTEN = {"viewer": [], "operator": OPERATED, "admin": [*OPERATED, *ADMINISTERED]}


def note_what_groups_have(apps, schema_editor):
    """A right that somebody took from a group before this version is not given to it again."""
    Group, RoleState = apps.get_model("auth", "Group"), apps.get_model("access", "RoleState")
    for role, written in WRITTEN.items():
        if Group.objects.filter(name=role).exists():
            given = [("view", name) for name in VIEWED]
            given += [(verb, name) for name in written for verb in ("view", "add", "change", "delete")]
            texts = {name.replace(".", f".{verb}_") for verb, name in given}
            RoleState.objects.create(role=role, given=sorted(texts))


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0001_initial'),
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RoleState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(max_length=20, unique=True)),
                ('given', models.JSONField(default=list)),
            ],
        ),
        migrations.CreateModel(
            name='HistoricalProviderGrant',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('revision', models.BigIntegerField(db_index=True, default=audit.history._revision_of_row, editable=False)),
                ('holder', models.CharField(editable=False, max_length=160)),
                ('provider', models.CharField(blank=True, max_length=63)),
                ('may_change', models.BooleanField(default=False, help_text='Else the provider may only be seen.')),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('group', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='auth.group')),
                ('history_user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical provider grant',
                'verbose_name_plural': 'historical provider grants',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='ProviderGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('holder', models.CharField(editable=False, max_length=160)),
                ('provider', models.CharField(blank=True, max_length=63)),
                ('may_change', models.BooleanField(default=False, help_text='Else the provider may only be seen.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='provider_grants', to='auth.group')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='provider_grants', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['holder', 'provider'],
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('group__isnull', True), ('user__isnull', False)), models.Q(('group__isnull', False), ('user__isnull', True)), _connector='OR'), name='grant_of_a_user_or_a_group'), models.UniqueConstraint(fields=('user', 'provider'), name='grant_once_per_user'), models.UniqueConstraint(fields=('group', 'provider'), name='grant_once_per_group')],
            },
        ),
        migrations.CreateModel(
            name='SingleSignOn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('issuer', models.CharField(max_length=300)),
                ('subject', models.CharField(max_length=255)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='single_sign_on', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('issuer', 'subject'), name='identity_once')],
            },
        ),
        migrations.RunPython(note_what_groups_have, migrations.RunPython.noop),
    ]
