"""How the process is set, and what it serves."""
