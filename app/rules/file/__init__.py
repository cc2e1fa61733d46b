"""The rules file: its text becomes validated entries.

In: documents (a file's name and text) and the environment for `${NAME}`. Out: a `Part` for each file, whose entries the
compiler reads. Each mistake is noted with file, line and column, and taken out so that the rest can be checked too.

Others import `documents` (reading and storing the text), `json_schema` and `places`; the rest of `app.rules` imports
`parse`, `schema`, `values` and `diagnostics`.
"""
