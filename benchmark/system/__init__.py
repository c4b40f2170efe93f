"""What the machine gives: files, processes, devices, and communication between processes."""
