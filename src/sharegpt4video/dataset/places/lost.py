"""What Ray raises when an actor, its process or its machine is gone."""

from __future__ import annotations

from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, RayActorError, WorkerCrashedError

# An actor that Ray ends because memory is short is an OutOfMemoryError; an answer that was ready when its machine
# died, and had not been fetched yet, is an ObjectLostError.
LOST = (RayActorError, ObjectLostError, OutOfMemoryError, NodeDiedError, WorkerCrashedError)
