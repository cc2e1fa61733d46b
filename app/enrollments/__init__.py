"""ENROLL: accepted enrollments -> contacts in HubSpot sequences, each at most once.

In go the enrollments that `app.intake` has committed. Out come their outcomes: a state, a reason and a journal, and a
note to the operator's endpoints. What can go wrong is decided by `outcome`: an enrollment is refused, retried, held
until a time, parked for a person, or uncertain, which `settle` resolves by reading HubSpot and never by a blind repeat.
A worker that has lost its lease gets FenceLost and drops its work; another worker continues from the last checkpoint.

Other rooms import `wiring` (to start the worker of an account), `operator_store` (to release and cancel), `outcome`
(`reason_without_reply`), and `evidence` (`CLOCK_TOLERANCE`). Everything else is internal.
"""
