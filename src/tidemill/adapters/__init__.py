"""The outside world: files, exchange calendars, sample data; one room per party, strangers to one another."""
