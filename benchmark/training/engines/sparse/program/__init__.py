"""Steps of networks as programs: tables and memory that compiled code reads, and the code that runs through them."""
