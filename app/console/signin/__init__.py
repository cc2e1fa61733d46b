"""Who uses the console: sign-in by token, by one-time link or by an identity provider, and the sessions that follow.

In: a request's cookie, or what a person presents. Out: a `Visitor`, or a page that says why there is none. Sessions are
rows: any replica knows them, and a session ends when its row is deleted.
"""
