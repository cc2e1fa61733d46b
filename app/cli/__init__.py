"""The command line, a module per group of commands.

In: arguments and the environment. Out: text or JSON on standard output, and an exit code. StartError ends a command
with one message and its exit code.

`app.__main__` imports `run`, `rules`, `sources`, `send_sample`, `hubspot` and `doctor`, and puts them together.
`session` has what a command opens to call HubSpot, `rules_file` what it reads.
"""
