"""HubSpot: requests and replies without I/O, the one client that opens connections, and what each refusal means."""
