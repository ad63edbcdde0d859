"""Why bytes are refused as an image: one table of reason codes, each with its message and hint."""

from __future__ import annotations

from collections.abc import Mapping

from sightloop.errors import InvalidMedia

REASONS: Mapping[str, tuple[str, str]] = {
    "empty": ("The file is empty.", "Copy or record it again."),
    "not_an_image": ("The content is not an image, whatever its name says.", "Send JPEG, PNG, WebP, BMP, TIFF or GIF."),
    "unsupported_format": ("The format is not supported here.", "Convert it to JPEG, PNG, WebP, BMP, TIFF or GIF."),
    "needs_extra": ("The format needs a package that is not installed.", "Install it on the server."),
    "not_measured": ("The image holds no measurements.", "Declare a reading only for images of one channel."),
    "not_a_series": ("The table is no series.", "Give a column of times, or one named time, and columns of numbers."),
    "not_text": ("The content is no text.", "Save it as UTF-8."),
    "identity": ("The file names a person and stays where it is.", 'Ingest a copy, or say "identity": "keep".'),
    "no_video": ("The medium holds no video.", "Send a file with a picture track, or name the sound .wav or .mp3."),
    "no_frame": ("The video has no frame at this time.", "Ask for a time that the probe of the clip names."),
    "stream_ended": ("The stream has ended or cannot be read.", "Check the camera, its address and its password."),
    "truncated": ("The image ends too early.", "Copy it again from where it came from."),
    "corrupt": ("The image is damaged and cannot be decoded.", "Copy it again from where it came from."),
    "too_many_pixels": ("The image has more pixels than the limit.", "Cut it into tiles of at most 100 megapixels."),
    "too_large": ("The file has more bytes than the limit.", "Compress it, or cut it into tiles."),
    "timeout": ("Decoding took longer than the limit.", "Convert the image to PNG or JPEG with a tool that you trust."),
    "out_of_memory": ("Decoding needed more memory than the limit.", "Cut the image into tiles."),
    "decoder_crashed": ("The image crashed its decoder.", "Treat the file as hostile; convert it in a sandbox."),
}


def refuse(reason: str, detail: str = "") -> InvalidMedia:
    """The error for a reason code; `facts["reason"]` holds the code."""
    message, hint = REASONS[reason]
    return InvalidMedia(f"{message} {detail}".strip(), hint=hint, reason=reason)
