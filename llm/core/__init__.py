"""The client in the process of the gateway: the configuration, the kinds of providers, and the call, without HTTP."""
