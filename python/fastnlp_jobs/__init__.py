"""The jobs of fastnlp: one config, one command, one container image, one step of a workflow."""
