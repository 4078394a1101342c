"""The core's Python face: builds the state, binds strategies, feeds events, runs the loop."""
