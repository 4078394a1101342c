"""The last code before the socket: every order is asked about again when it leaves, with what is true then."""
