"""The experiments of the paper, and those of ours on data that can be had everywhere: one YAML file each."""
