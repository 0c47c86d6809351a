"""The control plane: providers, models, keys, parameters, routes."""
