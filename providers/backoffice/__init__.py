"""Brings in the database of the system before this one: `manage.py migrate_backoffice`.

database      reads the four old tables, read-only
values        the old columns' texts as values: booleans, JSON, times
names         the old names and words as ours
connection    old parameters and settings, split into ours
translation   old rows -> what is wanted here, and notes of all that does not fit
migration     wanted -> the configuration, by the services, in one change set
"""
