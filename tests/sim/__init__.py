"""A simulated shop: people with exact truth, seen by a camera and a detector that err like real ones.

`scenarios.py` has the named scenarios: `sim = door_steep(persons=1000, fps=10, seed=1)`. `sim.frames()`
gives time and detections, `sim.layout` the camera's layout, `sim.truth` what really happened; `replay.py`
runs the box's pipeline over it and `tests/scoring` scores the result. Crowd and truth depend on the seed
alone, not on frame rate or noise.

To fit the noise to another model or place: `fit.fit_noise(frames, aspect)`, frames being time and
detections of a clip in which people walk, some of them apart from the others.
"""
