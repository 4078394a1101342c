"""Guard rules, one file each: each answers None, or why the order must not leave now."""
