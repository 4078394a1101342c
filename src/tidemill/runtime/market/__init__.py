"""Market data on their way to the core: what is impossible is set aside, trades become bars, bars become groups."""
