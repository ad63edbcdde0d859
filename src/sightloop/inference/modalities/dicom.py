"""DICOM images: pixels by modality rescale and window; and the same file under pseudonyms.

Sources: DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (window), C.7.6.3.1.2 (photometric interpretation); PS3.15 annex E.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, Final

import numpy as np
from PIL import Image

from sightloop.inference.modalities.measured import with_values
from sightloop.inference.modalities.opened import Opened, Scalar, check_size, needs
from sightloop.inference.reasons import refuse

UNITS: Final = {"CT": ("attenuation", "HU")}
KEPT_GROUPS: Final = frozenset({0x0028, 0x7FE0})  # how pixels lie, and the pixels
KEPT: Final = frozenset(
    [
        "SpecificCharacterSet",
        "ImageType",
        "SOPClassUID",
        "Modality",
        "Manufacturer",
        "ManufacturerModelName",
        "BodyPartExamined",
        "ScanOptions",
        "SliceThickness",
        "KVP",
        "SpacingBetweenSlices",
        "RepetitionTime",
        "EchoTime",
        "FlipAngle",
        "ExposureTime",
        "XRayTubeCurrent",
        "Exposure",
        "ConvolutionKernel",
        "PatientPosition",
        "ViewPosition",
        "Laterality",
        "ImageLaterality",
        "InstanceNumber",
        "SeriesNumber",
        "AcquisitionNumber",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "SliceLocation",
        "ConversionType",
        "BurnedInAnnotation",
        "PatientSex",
    ]
)
PSEUDONYMS: Final = frozenset(["PatientID", "PatientName", "AccessionNumber", "StudyID"])
UIDS: Final = frozenset(["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"])
DATES: Final = frozenset(["StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"])
TIMES: Final = frozenset(["StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"])
LONGEST_SHIFT_DAYS: Final = 365
METHOD: Final = "Sightloop 1: PS3.15 annex E, kept by list, dates moved"
FACTS: Final = {"Modality": "modality", "BodyPartExamined": "body_part", "PatientID": "patient"}


def open_dicom(data: bytes, _suffix: str) -> Opened:
    """The first frame of a DICOM image."""
    dataset = _read(data)
    if "PixelData" not in dataset:
        raise refuse("unsupported_format", "It is DICOM without pixels.")
    check_size(int(dataset.Columns), int(dataset.Rows))
    frames = int(dataset.get("NumberOfFrames") or 1)
    pixels: Any = needs("pydicom.pixels", "dicom")
    try:
        stored = pixels.pixel_array(dataset, index=0)
    except (NotImplementedError, RuntimeError) as error:  # pydicom: a syntax it does not know; one without a decoder
        raise refuse("unsupported_format", "Its pixels are compressed in a way that has no decoder here.") from error
    facts: dict[str, Scalar] = {FACTS[name]: str(dataset[name].value) for name in FACTS if dataset.get(name)}
    facts |= {"frames": frames} if frames > 1 else {}
    bare = Opened(
        "DICOM", Image.new("L", (1, 1)), "image", int(dataset.SamplesPerPixel), int(dataset.BitsStored),
        captured_at=_captured_at(dataset), facts=facts,
    )  # fmt: skip
    if stored.ndim == 3:
        colour = stored if stored.dtype == np.uint8 else (stored >> (int(dataset.BitsStored) - 8)).astype(np.uint8)
        return Opened("DICOM", Image.fromarray(colour), "image", 3, bare.bit_depth, bare.captured_at, facts)
    values = pixels.apply_modality_lut(stored, dataset).astype(np.float32)
    quantity, unit = UNITS.get(str(dataset.get("Modality")), ("value", ""))
    reading: dict[str, Any] = {"quantity": quantity, "unit": unit}
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    if centre is not None and width:
        reading |= {"low": centre - width / 2, "high": centre + width / 2}
    opened = with_values(bare, values, reading)
    if dataset.PhotometricInterpretation == "MONOCHROME1":  # the lowest value is white
        inverted = Image.fromarray(255 - np.asarray(opened.picture))
        return Opened("DICOM", inverted, "image", 1, bare.bit_depth, bare.captured_at, opened.facts, reading, values)
    return opened


def under_pseudonyms(data: bytes, key: bytes) -> bytes:
    """The file without what names a person: the same bytes for the same file and key, and for its own result itself.

    What is kept is a list, all else goes (PS3.15 annex E removes from a list): patient, accession and study numbers
    become pseudonyms, UIDs become others that still belong together, dates move by up to a year, the same for all of
    a patient, and times stay. Pixels are kept as they are: letters burned into them stay readable.
    """
    pydicom: Any = needs("pydicom", "dicom")
    source = _read(data)
    if str(source.get("DeidentificationMethod", "")) == METHOD:
        return data
    patient = f"{source.get('PatientID', '')}\0{source.get('PatientName', '')}"
    days = 1 + int.from_bytes(_code(key, "shift", patient)[:4], "big") % LONGEST_SHIFT_DAYS
    made = pydicom.Dataset()
    for element in source:
        name = element.keyword
        if element.tag.group in KEPT_GROUPS or name in KEPT:
            if element.VR not in ("SQ", "UN"):
                made.add(element)
        elif name in PSEUDONYMS and element.value:
            about = patient if name.startswith("Patient") else str(element.value)
            made.add_new(element.tag, element.VR, _code(key, "name", about).hex()[:16].upper())
        elif name in UIDS and element.value:
            made.add_new(element.tag, "UI", _uid(key, str(element.value)))
        elif name in DATES and element.value:
            made.add_new(element.tag, "DA", _moved(str(element.value), days))
        elif name in TIMES and element.value:
            made.add(element)
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = METHOD
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID
    meta.MediaStorageSOPClassUID = source.get("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7")
    meta.MediaStorageSOPInstanceUID = _uid(key, str(source.get("SOPInstanceUID", "")))
    made.file_meta = meta
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def _read(data: bytes) -> Any:
    pydicom: Any = needs("pydicom", "dicom")
    try:
        return pydicom.dcmread(BytesIO(data))
    except (pydicom.errors.InvalidDicomError, EOFError) as error:
        raise refuse("truncated" if isinstance(error, EOFError) else "corrupt") from error


def _code(key: bytes, purpose: str, value: str) -> bytes:
    return hmac.digest(key, f"{purpose}\0{value}".encode(), hashlib.sha256)


def _uid(key: bytes, value: str) -> str:
    """A UID from 122 bits, under the root of UUIDs (PS3.5 B.2)."""
    return f"2.25.{int.from_bytes(_code(key, 'uid', value)[:15], 'big')}"


def _moved(date: str, days: int) -> str:
    try:
        return (datetime.strptime(date[:8], "%Y%m%d") - timedelta(days=days)).strftime("%Y%m%d")  # noqa: DTZ007
    except (ValueError, OverflowError):
        return ""


def _captured_at(dataset: Any) -> str | None:
    for what in ("Acquisition", "Content", "Series", "Study"):
        written = f"{dataset.get(what + 'Date') or ''}{str(dataset.get(what + 'Time') or '000000')[:6]}"
        try:
            return datetime.strptime(written, "%Y%m%d%H%M%S").isoformat()  # noqa: DTZ007
        except ValueError:
            continue
    return None


def _first(value: Any) -> float | None:
    """A window may have several values; the first is the one to start with."""
    if value is None or value == "":
        return None
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)
