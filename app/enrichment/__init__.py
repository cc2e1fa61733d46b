"""ENRICH: a thin event names a person only by an id; its provider is asked for the rest, and the rules then decide.

In: claimed rows of `enrichments`. Out: the completed event with its decisions, written in one statement. A lookup that
fails is tried again with backoff; after the last try the event gets the decision that its provider gave no answer.

Others import `wiring` (`start`). Tests also import `enrich`, `look_up`, `client`, `store` and `loop`.
"""
