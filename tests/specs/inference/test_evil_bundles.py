from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from sightloop.errors import InvalidBundle
from sightloop.inference import Bundle, validate_bundle


def _zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _members(bundle: Bundle) -> dict[str, bytes]:
    return {"manifest.json": bundle.manifest.model_dump_json().encode(), "model.onnx": bundle.onnx}


def _with_onnx(bundle: Bundle, onnx: bytes) -> bytes:
    facts = {"onnx_sha256": sha256(onnx).hexdigest(), "onnx_bytes": len(onnx)}
    return Bundle(bundle.manifest.model_copy(update=facts), onnx).to_archive()


def _altered(bundle: Bundle, alter: Callable[[Any], object]) -> bytes:
    model = ModelProto.FromString(bundle.onnx)
    alter(model)
    return _with_onnx(bundle, model.SerializeToString())


def _reason(data: bytes) -> str:
    with pytest.raises(InvalidBundle) as refused:
        validate_bundle(data)
    assert refused.value.hint
    return str(refused.value.facts["reason"])


def test_a_pickle_is_refused() -> None:
    assert _reason(pickle.dumps({"weights": [1.0]})) == "archive"


def test_a_member_that_climbs_out_of_the_archive_is_refused(bundle: Bundle) -> None:
    assert _reason(_zipped({**_members(bundle), "../../evil": b""})) == "archive"


def test_a_compressed_archive_is_refused(bundle: Bundle) -> None:
    assert _reason(_zipped(_members(bundle), zipfile.ZIP_DEFLATED)) == "archive"


def test_half_an_archive_is_refused(bundle: Bundle) -> None:
    archive = bundle.to_archive()
    assert _reason(archive[: len(archive) // 2]) == "archive"


def test_a_manifest_with_a_word_of_its_own_is_refused(bundle: Bundle) -> None:
    members = _members(bundle)
    members["manifest.json"] = members["manifest.json"].replace(b'"task"', b'"tusk"')
    assert _reason(_zipped(members)) == "manifest"


def test_a_graph_that_was_exchanged_is_refused(bundle: Bundle) -> None:
    assert _reason(_zipped({**_members(bundle), "model.onnx": b"another graph"})) == "digest"


def test_a_file_that_is_not_onnx_is_refused(bundle: Bundle) -> None:
    assert _reason(_with_onnx(bundle, b"\xff" * 100)) in {"graph", "interface"}


def test_tensors_outside_the_file_are_refused(bundle: Bundle) -> None:
    def point_outside(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../../etc/passwd")

    assert _reason(_altered(bundle, point_outside)) == "external_data"


def test_operators_outside_the_standard_are_refused(bundle: Bundle) -> None:
    foreign = helper.make_opsetid("com.example", 1)
    assert _reason(_altered(bundle, lambda model: model.opset_import.append(foreign))) == "operator"


def test_a_loop_is_refused(bundle: Bundle) -> None:
    body = helper.make_graph([], "body", [], [])
    loop = helper.make_node("Loop", ["", ""], ["never"], body=body)
    assert _reason(_altered(bundle, lambda model: model.graph.node.append(loop))) == "operator"


def test_outputs_that_the_manifest_does_not_promise_are_refused(bundle: Bundle) -> None:
    assert _reason(_altered(bundle, lambda model: model.graph.output.pop())) == "interface"


def test_a_graph_that_allocates_without_bound_is_refused(bundle: Bundle) -> None:
    def inflate(model: Any) -> None:
        shape = numpy_helper.from_array(np.array([1 << 20, 1 << 20], np.int64), "vast")
        model.graph.initializer.append(shape)
        head = next(node for node in model.graph.node if node.op_type == "Softmax")
        head.input[0] = "tiny"
        model.graph.node.remove(head)
        model.graph.node.extend(
            [
                helper.make_node("ConstantOfShape", ["vast"], ["zeros"]),
                helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
                helper.make_node("Add", ["calibrated", "sum"], ["tiny"]),
                head,
            ]
        )

    assert _reason(_altered(bundle, inflate)) in {"trial", "out_of_memory", "crashed"}


def test_answers_that_are_not_probabilities_are_refused(bundle: Bundle) -> None:
    def unsoften(model: Any) -> None:
        for node in model.graph.node:
            if node.op_type == "Softmax":
                node.op_type = "Identity"
                del node.attribute[:]

    assert _reason(_altered(bundle, unsoften)) == "trial"
