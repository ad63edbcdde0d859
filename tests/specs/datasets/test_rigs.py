"""Calibrations join the sensors of a group; a folder in KITTI's shape brings groups, calibrations and labels."""

from __future__ import annotations

import math
import zipfile
from typing import Any

import numpy as np
import pytest

from sightloop.datasets.calibrations import checked_document
from sightloop.datasets.kitti_folder import calibration_of, cuboid_of, label_of, objects_of
from sightloop.errors import InvalidInput, NotFound
from tests.media_files import kitti
from tests.specs.datasets.world import World, picture

# The lidar looks along x, the camera along z: x ahead becomes depth, y to the left becomes -x, z up becomes -y.
AHEAD = "0 -1 0 0 0 0 -1 -0.08 1 0 0 -0.27"
P = "700 0 32 {shift} 0 700 24 0 0 0 1 0"
CALIB = (
    f"P0: {P.format(shift=0)}\nP1: {P.format(shift=-378)}\nP2: {P.format(shift=42)}\n"
    f"R0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: {AHEAD}\nTr_imu_to_velo: {AHEAD}\n"
)
LABEL = (
    "Car 0.00 1 1.55 10.0 10.0 40.0 30.0 1.5 1.6 3.9 0.5 1.65 12.0 -1.2\n"
    "DontCare -1 -1 -10 1 1 9 9 -1 -1 -1 -1000 -1000 -1000 -10\n"
    "Pedestrian 0 0 0.1 20 12 24 30 1.8 0.6 0.8 -2.0 1.60 9.0 0.4\n"
)
PLAIN: dict[str, Any] = {"sensors": {"lidar": {"to_rig": np.eye(4).tolist()}}}


def drive(world: World, moments: int = 2) -> World:
    for folder in ("image_2", "velodyne", "calib", "label_2"):
        (world.folder / "training" / folder).mkdir(parents=True)
    for i in range(moments):
        base = world.folder / "training"
        points = np.array([[10.0, 0, 0], [10, 0.1, 0.1], [-5, 0, 0], [20 + i, -0.5, 0.2]])
        (base / "image_2" / f"{i:06}.png").write_bytes(picture(i))
        (base / "velodyne" / f"{i:06}.bin").write_bytes(kitti(points))
        (base / "calib" / f"{i:06}.txt").write_text(CALIB)
        (base / "label_2" / f"{i:06}.txt").write_text(LABEL)
    return world


def in_slot(world: World, slot: str) -> str:
    return world.datasets.samples(world.caller, {"slot": slot}).items[0].id


def test_the_same_calibration_twice_is_one_and_another_is_its_next_version(world: World) -> None:
    put = world.datasets.calibrations.put
    first, again = put(world.caller, "rig", PLAIN), put(world.caller, "rig", PLAIN)
    other = put(world.caller, "rig", {"sensors": {**PLAIN["sensors"], "left": PLAIN["sensors"]["lidar"]}})
    assert (first.id, first.version, other.version) == (again.id, 1, 2)
    assert world.datasets.calibrations.get(world.caller, "rig").id == other.id
    assert world.datasets.calibrations.get(world.caller, first.id) == first


MIRROR = np.diag([1.0, 1, -1, 1]).tolist()


@pytest.mark.parametrize(
    "sensor",
    [
        {},
        {"to_rig": MIRROR},
        {"to_rig": (2 * np.eye(4)).tolist()},
        {"to_rig": np.eye(3).tolist()},
        {"to_rig": np.eye(4).tolist(), "fx": 700},
        {"to_rig": np.eye(4).tolist(), "fx": 0, "fy": 1, "cx": 1, "cy": 1},
        {"to_rig": np.eye(4).tolist(), "fx": "wide", "fy": 1, "cx": 1, "cy": 1},
        {"to_rig": np.eye(4).tolist(), "zoom": 3},
    ],
)
def test_a_sensor_that_cannot_be_is_an_error(sensor: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        checked_document({"sensors": {"left": sensor}})


@pytest.mark.parametrize("text", ["", "P2: 1 2", CALIB.replace("Tr_velo", "Tr_v"), CALIB.replace("700", "near")])
def test_a_file_that_is_none_of_kitti_is_an_error(text: str) -> None:
    with pytest.raises(InvalidInput):
        calibration_of(text)


def test_the_cameras_of_kitti_stand_beside_each_other_by_their_baselines(world: World) -> None:
    """P1 of -378 at 700 px is a camera 0.54 m to the right: what stands ahead of camera 0 is 0.54 m to its left."""
    rig = world.datasets.calibrations.put(world.caller, "rig", calibration_of(CALIB))
    assert rig.between("image_0", "image_1")[:3, 3] == pytest.approx([-0.54, 0, 0])
    assert rig.between("rectified", "image_0") == pytest.approx(np.eye(4))


def test_a_label_becomes_a_cuboid_of_the_lidar_and_comes_back(world: World) -> None:
    rig = world.datasets.calibrations.put(world.caller, "rig", calibration_of(CALIB))
    told = [1.5, 1.6, 3.9, 0.5, 1.65, 12.0, -1.2]
    cuboid = cuboid_of(told, rig)
    # 12 m ahead of a camera 0.27 m behind nothing: x = 12 + 0.27; half a metre to the right: y = -0.5.
    assert [cuboid["x"], cuboid["y"]] == pytest.approx([12.27, -0.5])
    assert cuboid["z"] == pytest.approx(-(1.65 - 0.75) - 0.08)
    assert cuboid["yaw"] == pytest.approx(-math.pi / 2 + 1.2)
    back = label_of(cuboid, rig)
    assert [back[name] for name in ("height", "width", "length", "x", "y", "z", "rotation_y")] == pytest.approx(told)


def test_regions_without_a_label_are_left_out_and_a_broken_line_is_an_error() -> None:
    boxes, cuboids = objects_of(LABEL, None)
    assert ([one["label"] for one in boxes], cuboids) == (["Car", "Pedestrian"], [])
    with pytest.raises(ValueError, match="other columns"):
        objects_of("Car 1 2 3", None)


def test_a_kitti_folder_becomes_groups_with_calibration_and_labels(world: World) -> None:
    output = drive(world).ingest(layout="kitti", name="drive")
    assert (output["ingested"], output["groups"], output["calibrated"], output["labels"]) == (4, 2, 2, 8)
    lidar, image = in_slot(world, "velodyne"), in_slot(world, "image_2")
    assert world.datasets.rigs.calibration(world.caller, lidar).version == 1
    objects = {sample: world.datasets.objects.read(world.caller, sample, "drive").objects for sample in (lidar, image)}
    assert {one.geometry_type for one in objects[lidar]} == {"cuboid"}
    assert {one.geometry_type for one in objects[image]} == {"box"}
    lines = [{(one.label, one.attributes["instance"]) for one in found} for found in objects.values()]
    assert lines[0] == lines[1] == {("Car", 0.0), ("Pedestrian", 2.0)}


def test_what_a_person_said_since_is_not_overwritten_by_the_folder(world: World) -> None:
    drive(world, 1).ingest(layout="kitti", name="drive")
    assert world.ingest(layout="kitti", name="drive")["labels"] == 0


def test_a_broken_calibration_and_a_broken_label_cost_only_themselves(world: World) -> None:
    drive(world)
    (world.folder / "training/calib/000000.txt").write_text("P2: none")
    (world.folder / "training/label_2/000001.txt").write_text("Car")
    output = world.ingest(layout="kitti", name="drive")
    assert (output["calibrations_unread"], output["calibrated"], output["labels_unread"]) == (1, 1, 1)
    assert (output["ingested"], output["groups"], output["labels"]) == (4, 2, 2)


def test_points_stand_on_the_image_where_the_camera_sees_them(world: World) -> None:
    """(10, 0, 0) is 9.73 m deep and 0.08 m above the camera; P2 shifts it by 0.06 m to the right."""
    drive(world, 1).ingest(layout="kitti", name="drive")
    found = world.datasets.rigs.projected(world.caller, in_slot(world, "image_2"), 100)
    depth = 10 - 0.27
    assert found[-2:, 2] == pytest.approx([depth, depth], abs=1e-4)
    wanted = [32 + 700 * 0.06 / depth, 24 + 700 * -0.08 / depth]
    assert min(np.hypot(*(one[:2] - wanted)) for one in found) < 0.01
    assert len(found) == 3  # what lies behind the camera is left out


def test_a_sample_of_no_rig_has_no_calibration(world: World) -> None:
    world.with_pictures(1)
    with pytest.raises(NotFound):
        world.datasets.rigs.calibration(world.caller, world.ids()[0])


def test_an_export_tells_the_cuboids_on_the_images_as_they_came(world: World) -> None:
    drive(world, 1).ingest(layout="kitti", name="drive")
    world.datasets.create(world.caller, "street", "drive")
    version = world.datasets.commit(world.caller, "street", where={})
    with zipfile.ZipFile(world.datasets.export(world.caller, version.id, "kitti")) as archive:
        texts = [archive.read(one).decode() for one in archive.namelist() if "label_2" in one]
    lines = sorted(line.split() for text in texts for line in text.splitlines())
    wanted = sorted(line.split() for line in LABEL.splitlines() if not line.startswith("DontCare"))
    assert [line[0] for line in lines] == [line[0] for line in wanted]
    for line, told in zip(lines, wanted, strict=True):
        assert [float(one) for one in line[1:]] == pytest.approx([float(one) for one in told[1:]], abs=1e-4)


def test_a_cuboid_that_was_drawn_by_hand_is_told_by_its_bounds_on_the_image(world: World) -> None:
    drive(world, 1).ingest(layout="kitti", name="drive")
    told = world.datasets.rigs.told_on(world.caller, in_slot(world, "image_2"))
    assert told is not None
    cuboid = {"x": 20.27, "y": 0.0, "z": -0.08, "length": 2.0, "width": 1.0, "height": 0.5, "yaw": 0.0}
    # Its near face is 19 m ahead: half a metre is 700 * 0.5 / 19 pixels; P2 moves it by 700 * 0.06 / 19.
    box = told.box(cuboid, 64, 48)
    assert box is not None
    assert box["x"] == pytest.approx(32 + 700 * (0.06 - 0.5) / 19)
    assert told.box({**cuboid, "x": -20.0}, 64, 48) is None
