"""Orders on their way out: from the core's commands to durable requests, past the guard, to a broker or an exchange."""
