"""The four faces of a run: what each calls an agent, and how its words become one specification."""
