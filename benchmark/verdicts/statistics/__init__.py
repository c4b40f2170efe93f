"""Statistics on arrays; nothing here knows of experiments, files or commands."""
