"""The manual desk: orders and signals of people under guardrails, and how they fared."""
