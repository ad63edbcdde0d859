"""Label formats: one file each. A reader turns bytes into LabelRows, a writer turns ExportItems into files."""
