"""Who may call which route, and who did.

In: a request's head. Out: the token that it is let in by, or the problem document that it is answered; a line of
the log and, for what changes something or was refused, a row of the audit log. A wrong token costs a client
address time.
"""
