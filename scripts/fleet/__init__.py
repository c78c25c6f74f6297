"""Many virtual boxes at a real broker, real hubs and a real PostgreSQL: an outage, and how all come back."""
