"""One person: the normal form of an e-mail address, and the suppression list.

In goes an address as a source, a rule or an operator writes it. Out comes its one normal form, or None where it is no
usable address; and the entry that suppresses it, if there is one. `read` raises ValueError, which says what to write
instead; the store raises Busy while operators cannot reach the database.

Other rooms import `addresses`, `invisible` (characters that are not seen), `made_up` (addresses of no person),
`domain_lists` and `roles` (what an address says of itself), `suppression` (the entries, pure), `suppression_store` (the
list in PostgreSQL) and `waiting_store` (what waits that entries fit).
"""
