"""The people of an installation, for those who look after it."""
