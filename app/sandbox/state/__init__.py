"""The accounts and what each of them holds, in memory: contacts, enrollments, grants, rate limits, the ledger.

Handlers and control routes read and change it; nothing is written to disk. A limit that is spent, an ineligible contact
and a wrong token raise `Refused`. `accounts` finds the account of a token, `account` holds one account, and the other
modules are its parts; `seed` is what an account starts with.
"""
