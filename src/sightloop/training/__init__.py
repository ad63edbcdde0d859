"""The door of training: recipes become model versions, and labelled samples become suggestions."""

from sightloop.training.label_errors import LabelErrors
from sightloop.training.recipe import Recipe, validate_recipe
from sightloop.training.service import Training
from sightloop.training.suggester import HeadSuggester

__all__ = ["HeadSuggester", "LabelErrors", "Recipe", "Training", "validate_recipe"]
