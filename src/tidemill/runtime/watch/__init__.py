"""What watches over a run: halts made outside, the heartbeat, the loop's lag, and the watchdog's own process."""
