"""The door of datasets: samples in, dataset versions out."""

from sightloop.datasets.annotations import Annotations, NewAnnotation
from sightloop.datasets.branches import Branch
from sightloop.datasets.calibrations import Calibration
from sightloop.datasets.catalogue import Page
from sightloop.datasets.columns import Claims
from sightloop.datasets.contents import Measured
from sightloop.datasets.credentials import StoredCredentials
from sightloop.datasets.entities import Entity
from sightloop.datasets.expectations import Expectations, RuleReport
from sightloop.datasets.exports import LabelFormat
from sightloop.datasets.formats.rows import Loss
from sightloop.datasets.groups import Group
from sightloop.datasets.interchange import ImportReport
from sightloop.datasets.kinship import Kin
from sightloop.datasets.maps import SampleMap
from sightloop.datasets.objects import LabelledObject, ObjectsWritten, Operation, SampleObjects, SuggestionReport
from sightloop.datasets.outliers import Outliers
from sightloop.datasets.pushes import Pushed
from sightloop.datasets.quarantine import QuarantineEntry
from sightloop.datasets.schemas import Dataset
from sightloop.datasets.search import Hit
from sightloop.datasets.service import Datasets
from sightloop.datasets.similarity import NearDuplicateReport
from sightloop.datasets.source_schemas import SourceSchema
from sightloop.datasets.standing import StandingSource
from sightloop.datasets.versions import VersionDiff

__all__ = [
    "Annotations",
    "Branch",
    "Calibration",
    "Claims",
    "Dataset",
    "Datasets",
    "Entity",
    "Expectations",
    "Group",
    "Hit",
    "ImportReport",
    "Kin",
    "LabelFormat",
    "LabelledObject",
    "Loss",
    "Measured",
    "NearDuplicateReport",
    "NewAnnotation",
    "ObjectsWritten",
    "Operation",
    "Outliers",
    "Page",
    "Pushed",
    "QuarantineEntry",
    "RuleReport",
    "SampleMap",
    "SampleObjects",
    "SourceSchema",
    "StandingSource",
    "StoredCredentials",
    "SuggestionReport",
    "VersionDiff",
]
