"""Risk rules, one file each: every entry passes all of them, no exit passes any. Each answers 0 or a Refusal."""
