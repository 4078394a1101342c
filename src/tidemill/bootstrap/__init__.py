"""The wiring room: settings in, services out. What runs in a process is put together here and nowhere else."""
