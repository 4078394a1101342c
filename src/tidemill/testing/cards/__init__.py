"""The cards of the broker contract, and the desk they are played on."""
