"""How the bodies of calls in OpenAI's dialect are read: what every door of live calls shares."""
