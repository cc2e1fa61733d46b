"""ASSIGN: what a rule names (a sender, a pool, the contact's owner) -> the sender of an enrollment, with all reasons.

In go an enrollment, the rulebook in force and, where a rule asks for it, the contact's owner. Out comes a sender that
has a place left in its 24 hours, and what was considered of each other one. Where none can send, HeldError says until
when to wait, DeclinedError that the rule refuses, and ParkedError that no sender exists. FenceLost: another worker has
claimed the enrollment.

Other rooms import `assign` (the page), `blame` (whose fault a 403 is), `status` with `wiring` (for operators: quota,
pauses), `pause_store` (refusals, full senders) and `quota_store` (places in 24 hours). Everything else is internal.
"""
