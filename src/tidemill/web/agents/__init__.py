"""Trading agents: ``/v1/agents`` and ``/api/agents``."""
