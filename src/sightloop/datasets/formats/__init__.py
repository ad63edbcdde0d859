"""Label formats, a file each: a reader makes LabelRows of bytes, a writer files of ExportItems; both tell losses."""
