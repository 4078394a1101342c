"""What every connection to the outside needs, whoever is on the other end: sockets, and when to try again."""
