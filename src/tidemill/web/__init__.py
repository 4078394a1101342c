"""The door for programs and browsers: HTTP and WebSocket in front of the services. No business logic lives here."""
