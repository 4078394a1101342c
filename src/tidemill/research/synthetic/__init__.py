"""A seeded market of fictional symbols that behaves like a real one; everything it makes is marked SIMULATED."""
