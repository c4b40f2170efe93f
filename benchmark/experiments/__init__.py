"""The built-in experiments: one YAML file each, named after the experiment."""
