"""An emulator of HubSpot: the routes, bodies, checks, rate limits, refusals and delays of the real service.

HTTP requests to HubSpot's routes come in; responses and signed webhooks go out. A refused request gets the error body
that HubSpot sends, and a connection can be dropped on request. Nothing here imports the rest of Segue, so a wrong
reading of HubSpot's API shows up as a disagreement instead of being made twice. It is built from HubSpot's published
interface and from live runs. Segue starts it as a process of its own (`python -m app.sandbox`); tests import `app`.

`app`, `dispatch`      the application, and the steps of one request: counted, limited, authorised, delayed, answered
`routes/`              HubSpot's routes: `table` lists them
`state/`               the accounts and what each of them holds
`control/`             the control routes below `/_sandbox/`: settings, faults, simulated replies and opt-outs, a page
`webhooks/`            outgoing webhooks: batched, signed, retried
`errors`               HubSpot's error bodies; `forced_errors` chooses one by its code
`request`, `bodies`    one request as the routes see it, and the bodies that several of them return

docs/sandbox.md lists every route, control route and setting.
"""
