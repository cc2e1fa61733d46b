"""What the tests of several rooms use: servers, processes, far ends, and the road to HubSpot."""
