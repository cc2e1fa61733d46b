"""ENRICH: a thin event names a person only by an id; its provider is asked for the rest, and the rules then decide.

In: claimed rows of `enrichments`. Out: the completed event with its decisions, written in one statement. A lookup that
fails is tried again with backoff; after the last try the event gets the decision that its provider gave no answer.

`shared` makes one request of the lookups of one person and keeps the tool's pace, `client` makes the request. Others
import `wiring` (`start`), and the doctor what `store` counts. Tests also import `enrich`, `look_up`, `shared`,
`client` and `loop`.
"""
