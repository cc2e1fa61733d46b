"""The command line, a module per group of commands; `app.__main__` puts them together."""
