"""A runtime of MLServer over an ONNX file. Pixels come as one element of a BYTES tensor, in base64."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Any

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Lite0(MLModel):
    async def load(self) -> bool:
        extra = self.settings.parameters.extra
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = extra["threads"]
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._side = extra["side"]
        self._session = onnxruntime.InferenceSession(extra["model"], options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        data: Any = payload.inputs[0].data
        images = np.stack([self._pixels(text) for text in getattr(data, "root", data)])
        (said,) = await asyncio.to_thread(self._session.run, ["probabilities"], {self._input: images})
        output = ResponseOutput(
            name="probabilities", datatype="FP32", shape=list(said.shape), data=said.ravel().tolist()
        )
        return InferenceResponse(model_name=self.name, outputs=[output])

    def _pixels(self, text: Any) -> Any:
        return np.frombuffer(b64decode(text), np.uint8).reshape(self._side, self._side, 3)
