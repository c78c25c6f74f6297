"""StoreEdge on real footage in one command: a broker, a hub and a box on this machine, and the page."""
