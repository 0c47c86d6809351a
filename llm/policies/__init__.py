"""Pure decisions of a call: who may call, where it goes, whether it is tried again."""
