"""The product's knowledge, detections to records. Pure: no I/O, clock, thread, configuration or pixel."""
