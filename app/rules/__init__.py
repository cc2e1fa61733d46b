"""MATCH: a rules file in, decisions out. Nothing here opens a connection; only `documents` reads files."""
