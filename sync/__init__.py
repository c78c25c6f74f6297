"""Records to the centre and back: topics, payloads, the outbox publisher and the reference hub."""
