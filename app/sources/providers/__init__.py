"""One module per provider, each with its `PROVIDER`; they know nothing of each other."""
