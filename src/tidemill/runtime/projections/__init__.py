"""Read rows out of what the core has booked: one file for each family of tables."""
