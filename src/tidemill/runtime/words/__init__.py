"""What people and programs ask a run for: the words, the bodies they come in, the place they are taken from."""
