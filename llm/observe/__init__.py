"""What the data plane leaves behind of a call: its record, its log line."""
