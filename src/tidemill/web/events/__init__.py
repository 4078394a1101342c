"""What happened to somebody's runs."""
