"""Wire formats, both directions, pure: no I/O, no clock. A hub: every dialect maps to and from `neutral`."""
