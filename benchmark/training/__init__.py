"""Training: fleets of networks, their batches, optimizer steps, topology updates and evaluations."""
