"""The audit floor: revisions, change sets, call records."""
