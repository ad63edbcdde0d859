"""The recipe: a declarative description of a training run, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sightloop.errors import InvalidRecipe
from sightloop.training.head import DEFAULT_STRENGTH


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ProjectionRecipe(_Part):
    dimensions: int = Field(256, ge=2, le=256, description="Length of the embedding that monitors watch.")


class HeadRecipe(_Part):
    C: Annotated[float, Field(gt=0)] | Literal["auto"] = Field(
        DEFAULT_STRENGTH, description="Inverse regularisation; auto: by cross-fitted likelihood."
    )


class ResourcesRecipe(_Part):
    cpu: float = Field(1.0, gt=0, description="Cores.")
    memory_bytes: int = Field(0, ge=0)
    accelerator: Literal["", "cuda", "xla"] = ""
    accelerator_count: int = Field(0, ge=0)


class Recipe(_Part):
    """A frozen backbone under a logistic head. Two equal recipes on the same versions give the same bundle."""

    trainer: Literal["frozen_head"] = "frozen_head"
    embedder: str = Field("auto", description="The one that the samples were embedded with; auto: whichever that is.")
    projection: ProjectionRecipe = ProjectionRecipe()
    head: HeadRecipe = HeadRecipe()
    calibration: Literal["temperature"] = "temperature"
    seed: int = Field(0, ge=0)
    transform: str = Field("", description="What made the samples, such as cells@2; the bundle does it when serving.")
    resources: ResourcesRecipe = ResourcesRecipe()


def validate_recipe(given: Mapping[str, Any] | str) -> Recipe:
    """The recipe in a mapping or in YAML text; raises InvalidRecipe that names the field and the nearest right one."""
    if isinstance(given, str):
        try:
            given = yaml.safe_load(given) or {}
        except yaml.YAMLError as error:
            raise InvalidRecipe("The recipe is not YAML.", hint="Check its indentation and quotes.") from error
    if not isinstance(given, Mapping):
        raise InvalidRecipe("The recipe is not a mapping of fields.", hint="Write for example: trainer: frozen_head")
    try:
        return Recipe.model_validate(dict(given))
    except ValidationError as error:
        raise _named(error) from error


def _named(error: ValidationError) -> InvalidRecipe:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"] if part not in ("float", "constrained-float", "literal['auto']")]
    where = ".".join(path)
    if first["type"] == "extra_forbidden":
        known = _fields(path[:-1])
        near = get_close_matches(path[-1], known, n=1, cutoff=0.5)
        hint = f'Did you mean "{near[0]}"?' if near else f"Fields: {', '.join(known)}."
        return InvalidRecipe(f'The recipe has no field "{where}".', hint=hint, field=where)
    return InvalidRecipe(
        f'The recipe\'s "{where}" does not fit: {first["msg"]}.', hint="Correct the field.", field=where
    )


def _fields(path: list[str]) -> list[str]:
    model: Any = Recipe
    for part in path:
        model = model.model_fields[part].annotation
    return list(model.model_fields)
