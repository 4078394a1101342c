"""The engine process that hosts every run of the service in one loop."""
