"""The pages, one module each: `pages(console)` returns its routes, found by being there.

Names that begin with `_` are no pages. A page reads a frozen dataclass, which its template renders, and which is the
answer at its path with `.json`, too.
"""
