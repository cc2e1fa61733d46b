"""The command line, a module per group of commands.

In: arguments and the environment. Out: text or JSON on standard output, and an exit code. StartError ends a command
with one message and its exit code.

`commands` lists the commands, and imports the one that is chosen; a command that needs the database, the web or HTTP
imports them as it runs. `session` has what a command opens to call HubSpot, `rules_file` what it reads.
"""
