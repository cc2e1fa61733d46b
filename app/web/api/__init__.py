"""The operators' API: one module per resource, with its routes and its models.

`wiring` imports each module of this package by name and includes what its `routes(process)` returns, behind the admin
token. `common`, names that begin with `_`, and names that end in `_models` are no resources.
"""
