"""Small media that are no plain images, made here: point clouds, measurements, DICOM, sound, series, text."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import laspy
import numpy as np
import numpy.typing as npt
import OpenEXR
import pyarrow as pa
import pydicom
import soundfile
from PIL import Image
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

Doubles = npt.NDArray[np.float64]


def street(points: int = 2000) -> Doubles:
    """A road of 20 m by 10 m at height 0 with a wall of 4 m at its far side: x, y, z in metres."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 20, points), rng.uniform(0, 10, points)
    return np.column_stack([x, y, np.where(y > 9, rng.uniform(0, 4, points), 0.0)]).round(3)


def las(points: Doubles, *, packed: bool = False) -> bytes:
    header = laspy.LasHeader(point_format=0, version="1.2")
    header.scales, header.offsets = np.full(3, 0.001), np.zeros(3)
    cloud = laspy.LasData(header)
    cloud.x, cloud.y, cloud.z = points.T
    cloud.intensity = np.linspace(0, 65535, len(points)).astype(np.uint16)
    buffer = BytesIO()
    cloud.write(buffer, do_compress=packed)
    return buffer.getvalue()


def pcd(points: Doubles) -> bytes:
    lines = [
        "# .PCD v0.7", "VERSION 0.7", "FIELDS x y z", "SIZE 4 4 4", "TYPE F F F", "COUNT 1 1 1",
        f"WIDTH {len(points)}", "HEIGHT 1", "VIEWPOINT 0 0 0 1 0 0 0", f"POINTS {len(points)}", "DATA ascii",
        *(f"{x:.3f} {y:.3f} {z:.3f}" for x, y, z in points),
    ]  # fmt: skip
    return ("\n".join(lines) + "\n").encode()


def kitti(points: Doubles) -> bytes:
    return np.column_stack([points, np.linspace(0, 1, len(points))]).astype("<f4").tobytes()


def npy(array: npt.NDArray[Any], *, pickled: bool = False) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=pickled)
    return buffer.getvalue()


def tiff(pixels: npt.NDArray[Any], tags: dict[int, Any] | None = None) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF", tiffinfo=tags or {})
    return buffer.getvalue()


def exr(depth: npt.NDArray[np.float32]) -> bytes:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "depth.exr"
        OpenEXR.File(header, {"Z": depth}).write(str(path))
        return path.read_bytes()


def dicom(
    stored: npt.NDArray[np.int16] | None = None, *, name: str = "Doe^Jane", study: str = "1.2.3", **tags: Any
) -> bytes:
    """A CT slice: HU = 2 * stored - 1000, window 40 +- 200; `tags` by keyword."""
    pixels = np.arange(64, dtype=np.int16).reshape(8, 8) * 16 if stored is None else stored
    made = pydicom.Dataset()
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = CTImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = generate_uid(entropy_srcs=[name, study])
    made.StudyInstanceUID = made.SeriesInstanceUID = study
    made.Modality, made.PatientName, made.PatientID = "CT", name, f"ID-{name}"
    made.PatientBirthDate, made.StudyDate, made.StudyTime = "19700203", "20260311", "101112"
    made.InstitutionName, made.PatientComments = "Saint Elsewhere", f"{name} coughs"
    made.Rows, made.Columns = pixels.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, 1
    made.RescaleSlope, made.RescaleIntercept, made.WindowCenter, made.WindowWidth = 2, -1000, 40, 400
    made.PixelData = pixels.astype("<i2").tobytes()
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def sound(format: str = "WAV", hertz: float = 4000.0, seconds: float = 0.5, rate: int = 16_000) -> bytes:
    """A sine at full scale."""
    buffer = BytesIO()
    soundfile.write(buffer, np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate), rate, format=format)
    return buffer.getvalue()


def readings(rows: int = 50) -> pa.Table:
    """A pump: a reading every two seconds."""
    begin = datetime(2026, 3, 1, 8)  # noqa: DTZ001  the pump names no zone
    return pa.table(
        {
            "time": [begin + timedelta(seconds=2 * i) for i in range(rows)],
            "vibration [g]": np.sin(np.arange(rows)),
            "bearing [°C]": np.linspace(20, 40, rows),
        }
    )


def parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def csv(table: pa.Table) -> bytes:
    import pyarrow.csv

    buffer = BytesIO()
    pyarrow.csv.write_csv(table, buffer)
    return buffer.getvalue()


def everything() -> dict[str, bytes]:
    """One medium of every kind, by a name that its format would have."""
    points = street(400)
    return {
        "street.las": las(points),
        "street.laz": las(points, packed=True),
        "street.pcd": pcd(points),
        "street.bin": kitti(points),
        "street.npy": npy(points),
        "panel.tiff": tiff(np.full((24, 32), 7454, np.uint16)),
        "height.tif": tiff(np.linspace(0, 9, 768, dtype=np.float32).reshape(24, 32)),
        "depth.exr": exr(np.ones((8, 8), np.float32)),
        "slice.dcm": dicom(),
        "pump.wav": sound(),
        "pump.flac": sound("FLAC"),
        "pump.ogg": sound("OGG"),
        "pump.parquet": parquet(readings()),
        "pump.csv": csv(readings()),
        "report.txt": b"Crack at the upper left of cell 14.",
    }


def claiming_points(data: bytes, count: int) -> bytes:
    """The LAS file with a header that claims so many points."""
    return data[:107] + struct.pack("<I", count) + data[111:]
