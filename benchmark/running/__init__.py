"""Running an experiment: which runs are missing, who trains them, and how they survive what happens meanwhile."""
