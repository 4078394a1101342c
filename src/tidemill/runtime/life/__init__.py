"""One run from its first row to its last: what it is made of, how it begins, serves, obeys and ends."""
