"""The one file that runs a network: an onnxruntime session set up for a small box."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import onnxruntime
from numpy.typing import NDArray

from models.errors import ModelsError


class Session:
    """A network with one image input that runs on the processor.

    One thread by default: cameras are the better thing to spread over cores. Spinning is off, because
    between two frames of a camera a spinning thread costs several times what the inference does.
    """

    def __init__(
        self, model: Path | bytes, *, threads: int = 1, dimensions: Mapping[str, int] | None = None
    ) -> None:
        """`dimensions` pins open dimensions by name, so that memory is planned once."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.enable_cpu_mem_arena = True
        options.enable_mem_pattern = True
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        for name, size in (dimensions or {}).items():
            options.add_free_dimension_override_by_name(name, size)
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own errors share no base class
            what = "the model" if isinstance(model, bytes) else str(model)
            raise ModelsError(f"{what} does not load: {str(error).splitlines()[0]}") from error
        self.input = self._session.get_inputs()[0].name
        self.outputs = [output.name for output in self._session.get_outputs()]

    @property
    def input_shape(self) -> list[int | str | None]:
        """As the graph declares it; a name or None where a dimension is open."""
        return list(self._session.get_inputs()[0].shape)

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """All outputs for one input tensor."""
        return cast(list[NDArray[Any]], self._session.run(self.outputs, {self.input: tensor}))
