"""A DICOM file under pseudonyms names nobody, and still tells which files belong together."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom

from sightloop.inference import DecodePool
from tests import media_files as media

KEY = bytes(range(32))


def renamed(pool: DecodePool, key: bytes = KEY, **what: Any) -> Any:
    return pydicom.dcmread(BytesIO(pool.under_pseudonyms(media.dicom(**what), key)))


def test_nothing_that_names_a_person_is_left_in_the_bytes(pool: DecodePool) -> None:
    data = pool.under_pseudonyms(media.dicom(name="Doe^Jane", OperatorsName="Roe^Rita"), KEY)
    for said in (b"Doe", b"Jane", b"Roe", b"Saint Elsewhere", b"coughs", b"19700203", b"20260311"):
        assert said not in data


def test_private_and_nested_elements_go(pool: DecodePool) -> None:
    nested = pydicom.Dataset()
    nested.PatientName = "Doe^Jane"
    found = renamed(pool, RequestAttributesSequence=[nested], InstitutionalDepartmentName="Lungs")
    assert not [element for element in found if element.tag.is_private or element.VR == "SQ"]
    assert "InstitutionalDepartmentName" not in found


def test_pixels_and_what_they_mean_stay_as_they_are(pool: DecodePool) -> None:
    found = renamed(pool)
    assert np.array_equal(found.pixel_array, pydicom.dcmread(BytesIO(media.dicom())).pixel_array)
    assert (found.RescaleSlope, found.RescaleIntercept, found.Modality) == (2, -1000, "CT")


def test_a_patient_has_one_pseudonym_and_another_has_another(pool: DecodePool) -> None:
    first, again, other = renamed(pool, study="1.2"), renamed(pool, study="1.3"), renamed(pool, name="Poe^Paul")
    assert first.PatientID == again.PatientID != other.PatientID


def test_files_of_a_study_still_belong_together(pool: DecodePool) -> None:
    one, two = renamed(pool, study="1.2"), renamed(pool, study="1.2", name="Poe^Paul")
    assert one.StudyInstanceUID == two.StudyInstanceUID != "1.2"


def test_days_between_the_studies_of_a_patient_stay(pool: DecodePool) -> None:
    first, second = renamed(pool, StudyDate="20260301"), renamed(pool, StudyDate="20260331")
    gap = [pydicom.valuerep.DA(str(found.StudyDate)) for found in (first, second)]
    assert (gap[1] - gap[0]).days == 30


def test_another_key_gives_other_pseudonyms(pool: DecodePool) -> None:
    assert renamed(pool).PatientID != renamed(pool, key=bytes(32)).PatientID


def test_the_same_file_gives_the_same_bytes_and_its_result_itself(pool: DecodePool) -> None:
    once = pool.under_pseudonyms(media.dicom(), KEY)
    assert pool.under_pseudonyms(media.dicom(), KEY) == once
    assert pool.under_pseudonyms(once, KEY) == once
