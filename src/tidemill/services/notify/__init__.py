"""What people are told: notifications, and deliveries to mail and webhooks that survive whatever happens."""
