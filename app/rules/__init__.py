"""Rules: what an event leads to.

In: the rules file as text, then one event after the other. Out: a compiled `Rulebook`, and for each event its
decisions, with the reason. A file with mistakes raises `RulebookError` with all of them, each with file, line and
column, and the rulebook in force stays; matching itself never raises.

Others import `rulebook` (the compiled rules), `load` (text to rulebook), `match`, `examples`, `lint`, `sample_notes`,
`active` (the rulebook in force), `store`, `wiring`, `actions` (what rules can do), `known_values` (constants), and the
texts of `file.documents`, `file.json_schema` and `file.places`. `compile.accounts` tells commands which accounts join
by OAuth. Pages import `condition_values` (what rules read of an event), `earlier` (a rulebook of before),
`example_of` (an example out of an event) and `changed` (which rules differ).
"""
