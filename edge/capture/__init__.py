"""Cameras to frames: sources, one child process for each camera, and the shared memory between."""
