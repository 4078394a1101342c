"""How the processes of an installation are set, and where each value was said."""
