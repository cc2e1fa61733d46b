"""Pages for a person's browser. `connect` has the two that connect a HubSpot account by OAuth, `reference` the API."""
