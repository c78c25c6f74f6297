"""Pixels to detections: the models, where they come from and how they run. Knows nothing of shops."""
