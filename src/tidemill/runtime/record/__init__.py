"""The durable record of a run: the tape, the transactions beside it, and the thread that waits for the disk."""
