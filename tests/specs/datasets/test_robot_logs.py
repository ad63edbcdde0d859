"""MCAP logs as sources. They are written by the reference writers, which know nothing of our reader."""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightloop.datasets.archives import ArchiveLimits, members
from sightloop.datasets.robot_logs import MOST_RECORD_BYTES
from sightloop.errors import InvalidInput, TooLarge
from tests.specs.datasets.world import World, picture

mcap_writer = pytest.importorskip("mcap.writer", reason="MCAP is missing: pip install mcap mcap-ros2-support")
ros2 = pytest.importorskip("mcap_ros2.writer", reason="ROS 2's messages are missing: pip install mcap-ros2-support")

HEADER = "std_msgs/Header header\n"
DEFINED = (
    "\n================\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id"
    "\n================\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec"
)
TYPES = {
    "sensor_msgs/msg/CompressedImage": "string format\nuint8[] data",
    "sensor_msgs/msg/Image": (
        "uint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\nuint8[] data"
    ),
    "sensor_msgs/msg/PointCloud2": (
        "uint32 height\nuint32 width\nsensor_msgs/PointField[] fields\nbool is_bigendian\nuint32 point_step\n"
        "uint32 row_step\nuint8[] data\nbool is_dense"
    ),
    "sensor_msgs/msg/Imu": "float64 x",
}
POINT_FIELD = (
    "\n================\nMSG: sensor_msgs/PointField\nstring name\nuint32 offset\nuint8 datatype\nuint32 count"
)
POINTS = "sensor_msgs/msg/PointCloud2"
START = 1_760_000_000


def log_of(*messages: tuple[str, str, float, Mapping[str, Any]], compression: str = "ZSTD") -> bytes:
    """A log of ROS 2: topic, type, seconds after START, fields behind the header."""
    buffer = io.BytesIO()
    with ros2.Writer(buffer, compression=mcap_writer.CompressionType[compression]) as writer:
        schemas = {}
        for topic, kind, after, fields in messages:
            if kind not in schemas:
                more = POINT_FIELD if "Point" in kind else ""
                schemas[kind] = writer.register_msgdef(kind, HEADER + TYPES[kind] + DEFINED + more)
            stamp = {"sec": START + int(after), "nanosec": round((after % 1) * 1e9)}
            said = {"header": {"stamp": stamp, "frame_id": topic.strip("/")}, **fields}
            writer.write_message(topic, schemas[kind], said, log_time=int((START + after) * 1e9))
    return buffer.getvalue()


def compressed(topic: str, after: float, seed: int) -> tuple[str, str, float, Mapping[str, Any]]:
    return topic, "sensor_msgs/msg/CompressedImage", after, {"format": "jpeg", "data": picture(seed, "JPEG")}


def raw(encoding: str, pixels: Any, padding: int = 0) -> tuple[str, str, float, Mapping[str, Any]]:
    rows = pixels.reshape(pixels.shape[0], -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    fields = {
        "height": pixels.shape[0], "width": pixels.shape[1], "encoding": encoding, "is_bigendian": 0,
        "step": rows.shape[1], "data": rows.tobytes(),
    }  # fmt: skip
    return "/raw", "sensor_msgs/msg/Image", 0.5, fields


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "ZSTD"])
def test_each_image_of_a_log_is_a_file_with_its_time_and_topic(compression: str) -> None:
    log = log_of(compressed("/cam/front", 0.25, 1), compressed("/cam/left", 0.5, 2), compression=compression)
    (name, data, said), (other, *_) = members(log)
    assert (name, other) == ("cam/front/1760000000250000000.jpg", "cam/left/1760000000500000000.jpg")
    assert data == picture(1, "JPEG")
    assert said == {"captured_at": "2025-10-09T08:53:20.250000+00:00", "topic": "/cam/front", "frame": "cam/front"}


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "mono8", "mono16", "32FC1"])
def test_raw_images_keep_every_number(encoding: str) -> None:
    draw = np.random.default_rng(3)
    channels = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4}.get(encoding, 0)
    kind = {"mono16": np.uint16, "32FC1": np.float32}.get(encoding, np.uint8)
    pixels = draw.integers(0, 255, (5, 7, channels) if channels else (5, 7)).astype(kind)
    ((_, data, _),) = members(log_of(raw(encoding, pixels, padding=4)))
    found = np.asarray(Image.open(io.BytesIO(data)))
    if encoding.startswith("bgr"):
        pixels = pixels[..., [2, 1, 0, 3][:channels]]
    np.testing.assert_array_equal(found, pixels)


def test_a_log_is_taken_in_with_its_points_and_groups_by_time(world: World) -> None:
    points = np.random.default_rng(0).uniform(0, 20, (500, 4)).astype("<f4")
    fields = [{"name": name, "offset": 4 * i, "datatype": 7, "count": 1} for i, name in enumerate("xyz")]
    fields.append({"name": "intensity", "offset": 12, "datatype": 7, "count": 1})
    cloud = {
        "height": 1, "width": 500, "fields": fields, "is_bigendian": False, "point_step": 16, "row_step": 8000,
        "data": points.tobytes(), "is_dense": True,
    }  # fmt: skip
    moments = [0.0, 0.1, 0.2]
    log = log_of(
        *(compressed("/cam", at, i) for i, at in enumerate(moments)),
        *(("/lidar", POINTS, at + 0.01, cloud | {"data": (points + at).tobytes()}) for at in moments),
        *(("/imu", "sensor_msgs/msg/Imu", at, {"x": 1.0}) for at in moments),
    )  # fmt: skip
    digest = world.datasets.upload(world.caller, "drive.mcap", log)
    group = {"slots": {"cam": "cam/*", "lidar": "lidar/*"}, "anchor": "cam", "within_s": 0.05}
    output = world.ingest(kind="archive", upload=digest, name="drive", group=group)
    assert (output["ingested"], output["quarantined"], output["skipped"], output["groups"]) == (6, 0, 1, 3)
    samples = world.datasets.samples(world.caller).items
    assert {(one.kind, one.slot) for one in samples} == {("image", "cam"), ("sweep", "lidar")}


def test_of_each_topic_only_so_many_messages_are_taken_as_asked(world: World) -> None:
    log = log_of(*(compressed(topic, at / 10, at) for at in range(20) for topic in ("/a", "/b")))
    digest = world.datasets.upload(world.caller, "drive.mcap", log)
    output = world.ingest(kind="archive", upload=digest, frames={"every_s": 0.5})
    assert output["found"] == 8


def foxglove(encoding: str, message: bytes) -> bytes:
    buffer = io.BytesIO()
    writer = mcap_writer.Writer(buffer)
    writer.start()
    schema = writer.register_schema("foxglove.CompressedImage", "jsonschema" if encoding == "json" else encoding, b"{}")
    channel = writer.register_channel("/fox", encoding, schema)
    writer.add_message(channel, log_time=5_000_000_000, data=message, publish_time=0)
    writer.finish()
    return buffer.getvalue()


def in_protobuf(data: bytes) -> bytes:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(name="i.proto", package="foxglove", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    image = file.message_type.add(name="CompressedImage")
    kinds = {"timestamp": (1, 11), "data": (2, 12), "format": (3, 9), "frame_id": (4, 9)}
    for name, (number, kind) in kinds.items():
        field = image.field.add(name=name, number=number, type=kind, label=1)
        if kind == 11:
            field.type_name = ".google.protobuf.Timestamp"
    pool.Add(file)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName("foxglove.CompressedImage"))()
    made.timestamp.seconds, made.timestamp.nanos = START, 7
    made.data, made.format, made.frame_id = data, "jpeg", "front"
    return bytes(made.SerializeToString())


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_images_of_foxglove_are_taken_from_json_and_protobuf(encoding: str) -> None:
    image = picture(4, "JPEG")
    said = {"timestamp": {"sec": START, "nsec": 7}, "frame_id": "front", "data": base64.b64encode(image).decode()}
    message = json.dumps(said).encode() if encoding == "json" else in_protobuf(image)
    ((name, data, told),) = members(foxglove(encoding, message))
    assert (name, data, told["frame"]) == ("fox/1760000000000000007.jpg", image, "front")


def test_a_log_that_is_cut_off_is_refused_before_anything_is_taken_in(world: World) -> None:
    log = log_of(*(compressed("/cam", at, at) for at in range(3)))
    digest = world.datasets.upload(world.caller, "drive.mcap", log[: len(log) // 2])
    with pytest.raises(InvalidInput, match="damaged"):
        world.ingest(kind="archive", upload=digest)
    assert world.ids() == []


@pytest.mark.parametrize("seed", range(40))
def test_a_log_with_changed_bytes_is_read_or_refused(seed: int) -> None:
    draw = np.random.default_rng(seed)
    log = bytearray(log_of(*(compressed("/cam", at, at) for at in range(3)), compression="NONE"))
    for at in draw.integers(8, len(log), 6):
        log[at] ^= int(draw.integers(1, 256))
    with suppress(InvalidInput, TooLarge):
        assert sum(1 for _ in members(bytes(log))) <= 4


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_chunk_that_unpacks_without_end_is_refused(compression: str) -> None:
    import lz4.frame
    import zstandard

    flat = bytes(MOST_RECORD_BYTES + (1 << 20))
    packed = zstandard.compress(flat) if compression == "zstd" else lz4.frame.compress(flat)
    name = compression.encode()
    body = struct.pack("<QQQI", 0, 0, 100, 0) + struct.pack("<I", len(name)) + name
    body += struct.pack("<Q", len(packed)) + packed
    with pytest.raises(TooLarge):
        list(members(b"\x89MCAP0\r\n" + b"\x06" + struct.pack("<Q", len(body)) + body))


def test_the_number_of_messages_is_bounded() -> None:
    log = log_of(*(compressed("/cam", at, at) for at in range(4)))
    with pytest.raises(TooLarge):
        list(members(log, ArchiveLimits(entries=3)))


def test_a_topic_that_leads_outside_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="outside"):
        list(members(log_of(compressed("/../etc", 0, 0))))
