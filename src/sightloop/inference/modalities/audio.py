"""Sound: WAV, FLAC, Ogg and MP3 become a spectrogram."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.inference.modalities.opened import Opened, needs, shown
from sightloop.inference.reasons import refuse

MAX_FRAMES: Final = 200_000_000
WINDOW: Final = 1024
BANDS: Final = 256
COLUMNS: Final = 512
FLOOR_DB: Final = -90.0
FORMATS: Final = {"WAV": "WAV", "WAVEX": "WAV", "RF64": "WAV", "FLAC": "FLAC", "OGG": "OGG", "MP3": "MP3"}


def open_audio(data: bytes, _suffix: str) -> Opened:
    """A recording: its picture is the mean power of all channels in dB of full scale, low tones at the bottom."""
    soundfile: Any = needs("soundfile", "audio")
    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            format, rate, frames = FORMATS.get(file.format), int(file.samplerate), int(file.frames)
            if format is None:
                raise refuse("unsupported_format")
            if frames * file.channels > MAX_FRAMES:
                raise refuse("too_large", f"It claims {frames} samples of sound.")
            sound = file.read(dtype="float32", always_2d=True)
            bits = int("".join(filter(str.isdecimal, file.subtype)) or 16)
    except soundfile.LibsndfileError as error:
        raise refuse("corrupt") from error
    if not len(sound):
        raise refuse("truncated", "It holds no sound.")
    mono = np.nan_to_num(sound.mean(axis=1))
    facts = {
        "duration_s": round(len(mono) / rate, 3),
        "sample_rate_hz": rate,
        "peak": round(float(np.abs(mono).max()), 4),
        "loudness_db": round(float(20 * np.log10(max(1e-6, np.sqrt(np.mean(mono.astype(np.float64) ** 2))))), 2),
    }
    picture = shown(spectrogram(mono), {"low": FLOOR_DB, "high": 0.0, "palette": "iron"})
    return Opened(format, picture, "audio", sound.shape[1], bits, facts=facts)


def spectrogram(mono: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Power in dB of full scale, float32 (BANDS, columns): a Hann window of WINDOW at up to COLUMNS places."""
    padded = np.pad(mono, (0, max(0, WINDOW - len(mono))))
    places = np.linspace(0, len(padded) - WINDOW, min(COLUMNS, max(1, len(padded) // (WINDOW // 2)))).astype(int)
    window = np.hanning(WINDOW).astype(np.float32)
    frames = padded[places[:, None] + np.arange(WINDOW)] * window
    power = np.abs(np.fft.rfft(frames, axis=1)[:, 1:]) ** 2 / (window.sum() / 2) ** 2  # a full-scale sine is 0 dB
    bands = power.reshape(len(places), BANDS, -1).max(axis=2)
    return np.asarray(10 * np.log10(np.maximum(bands, 1e-12)), np.float32).T[::-1]
