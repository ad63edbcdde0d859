"""LitServe over an ONNX file: `python litserve_server.py MODEL PORT THREADS BATCH`. Pixels come as base64 in JSON."""

import sys
from base64 import b64decode
from typing import Any

import litserve
import numpy as np
import onnxruntime
from fastapi import Request


class Model(litserve.LitAPI):
    def setup(self, device: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(sys.argv[3])
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def decode_request(self, request: Request) -> Any:  # the type says "the body as JSON", which is what then comes
        given: Any = request
        return np.frombuffer(b64decode(given["data"]), np.uint8).reshape(given["shape"])

    def batch(self, inputs: Any) -> Any:
        return np.stack(inputs)

    def unbatch(self, output: Any) -> Any:
        return list(output)

    def predict(self, x: Any) -> Any:
        return self._session.run(["probabilities"], {self._input: x})[0]

    def encode_response(self, output: Any) -> Any:
        return {"probabilities": output.tolist()}


if __name__ == "__main__":
    api = Model(max_batch_size=int(sys.argv[4]), batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", generate_client_file=False)
