"""A broker outside the process: its account asked for and compared with our record, doubts resolved, stops watched."""
