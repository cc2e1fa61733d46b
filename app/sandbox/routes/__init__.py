"""HubSpot's routes. A handler takes an account and a `Request` and returns a status and a body; it raises `Refused`.

`table` lists every route with its handler; `dispatch` and `app` also use `sequences` and `oauth`, whose enroll and
consent are not plain handlers. The other modules hold the handlers, one module per resource.
"""
