"""Hold the images that we build on, and those that compose starts, to digests.

images.py check    name those that have none; exit code 3 when there is one
images.py pin      ask the registry for the digest of each tag, by `docker buildx`, and write it in

A digest cannot be known without the registry, so the repository has tags until `pin` is run where one can be reached.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

NOT_PINNED = 3
REPOSITORY = Path(__file__).resolve().parents[1]
FILES = ("Dockerfile", "docker-compose.yml")
# `image: segue` is what compose builds itself, and stands without a tag.
REFERENCE = re.compile(r"(?m)^(FROM |\s+image: )([\w./-]+:[\w.-]+)(@sha256:[0-9a-f]{64})?(?=\s|$)")


def unpinned(texts: dict[str, str]) -> list[str]:
    """Return the images without a digest, each as `file: image`, once."""
    found = [(file, each) for file, text in texts.items() for each in REFERENCE.finditer(text)]
    return sorted({f"{file}: {each[2]}" for file, each in found if each[3] is None})


def pinned(text: str, digests: dict[str, str]) -> str:
    """Return `text` with the digest of each image in place of the one it has, or of none."""
    return REFERENCE.sub(lambda each: f"{each[1]}{each[2]}@{digests[each[2]]}", text)


def digest(image: str) -> str:
    """Return the digest of a tag, of all its platforms together. Raises CalledProcessError."""
    asked = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
    answer = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603  # our own
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", answer):
        raise SystemExit(f"images: the registry's digest of {image} is none: {answer}")
    return answer


def main(action: str) -> int:
    """Print one line, and return the exit code."""
    texts = {file: (REPOSITORY / file).read_text(encoding="utf-8") for file in FILES}
    if action == "pin":
        images = {each[2] for text in texts.values() for each in REFERENCE.finditer(text)}
        try:
            digests = {image: digest(image) for image in sorted(images)}
        except (OSError, subprocess.CalledProcessError) as error:
            why = (getattr(error, "stderr", "") or str(error)).strip()
            raise SystemExit(f"images: nothing is changed, the registry cannot be asked: {why}") from error
        texts = {file: pinned(text, digests) for file, text in texts.items()}
        for file, text in texts.items():
            (REPOSITORY / file).write_text(text, encoding="utf-8")
    left = unpinned(texts)
    if left:
        print(f"images NOT PINNED by digest ({', '.join(left)}): `make pin` does it where a registry is reached")  # noqa: T201  # a command's result
        return NOT_PINNED
    print("images: pinned by digest")  # noqa: T201  # as above
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
