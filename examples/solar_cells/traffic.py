"""The cameras of the plant: images sent one by one, and a steady caller that notices every dropped request."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from examples.solar_cells.story import Story

DEPLOYMENT = "line-1"


class Camera:
    """Asks the endpoint over HTTP with a key of its own, as a camera of the plant would."""

    def __init__(self, story: Story) -> None:
        door = story.ws.deployments.endpoint(DEPLOYMENT)
        self._url = f"{door.url}/image"
        self._client = httpx.Client(headers=door.headers.as_dict(), timeout=30, trust_env=False)

    def ask(self, image: bytes, request_id: str) -> None:
        """Returns once the image is answered; the request id makes a repeat the same prediction."""
        self._client.post(self._url, content=image, headers={"idempotency-key": request_id}).raise_for_status()


def send(story: Story, segment: str, samples: list[str], text: str = "") -> None:
    """Sends the samples of a segment that have not been sent, one request an image, in order."""
    done = int(story.notebook.get(f"sent/{segment}", 0))
    if done >= len(samples):
        return
    if not text:
        for place in range(done, len(samples)):
            _send_one(story, segment, place, samples[place])
        return
    with story.tell.bar(text, len(samples)) as bar:
        for place in range(done, len(samples)):
            _send_one(story, segment, place, samples[place], remember=place % 20 == 19 or place == len(samples) - 1)
            bar(place + 1)


def _send_one(story: Story, segment: str, place: int, sample: str, remember: bool = True) -> None:
    if story.camera is None:
        story.camera = Camera(story)
    story.camera.ask(story.image(sample), f"{segment}-{place}")
    if remember:
        story.notebook.put(**{f"sent/{segment}": place + 1})


class SteadyCaller(threading.Thread):
    """Keeps the endpoint busy while versions change, and counts every request that is not answered 200."""

    def __init__(self, story: Story) -> None:
        super().__init__(name="steady-caller", daemon=True)
        self._door = story.ws.deployments.endpoint(DEPLOYMENT)
        self._image = story.image(story.budget["poly"]["traffic"][0])
        self._ended = threading.Event()
        self.answered = 0
        self.dropped = 0

    def run(self) -> None:
        headers = {**self._door.headers, "x-sightloop-purpose": "probe"}
        with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
            while not self._ended.wait(0.5):
                try:
                    ok = client.post(f"{self._door.url}/image", content=self._image).status_code == 200
                except httpx.HTTPError:
                    ok = False
                self.answered += ok
                self.dropped += not ok

    def stop(self) -> None:
        self._ended.set()
        self.join()
