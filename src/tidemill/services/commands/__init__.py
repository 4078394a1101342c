"""What people ask running runs for: each wish asked once, many of them in one transaction, each answered."""
