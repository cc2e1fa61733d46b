"""HubSpot's API as values, without I/O: functions that build a `Call`, and the types that its reply is read into.

A reply becomes a value, a `Refusal` with HubSpot's code, or `OutcomeUnknown` where it cannot be read. Other rooms may
import every module: `account`, `consent`, `contacts`, `details`, `notes`, `oauth`, `properties`, `search`, `sequences`,
`workflow_action` and `workflows` by area; `call`, `replies`, `refusals` and `property_errors` for reading replies;
`faults` for what a refusal means.
"""
