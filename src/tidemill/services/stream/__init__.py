"""What people watch: newest values ten times a second, and everything that happens, in order, to whom it belongs."""
