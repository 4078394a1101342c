"""Whether the installation lives and is fit to be used."""
