"""The same intake as prepareDataset, by Pillow in one process: find, decode, fit, write, hash. With "draft" as the last
argument JPEG files are shrunk while they are decoded, which few scripts ask for; nothing is resized that already fits."""

import hashlib
import json
import os
import sys
import time

from PIL import Image


def files_of(root):
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            found.append((path, os.lstat(path).st_size))
    found.sort()
    return found


def fit(image, width, height):
    if image.size == (width, height):
        return image
    w, h = image.size
    used_w = min(w, round(h * width / height))
    used_h = min(h, round(w * height / width))
    left, top = (w - used_w) // 2, (h - used_h) // 2
    return image.resize((width, height), Image.LANCZOS, box=(left, top, left + used_w, top + used_h))


def intake(root, out, width, height, draft):
    digest = hashlib.sha256()
    os.makedirs(out)
    with open(os.path.join(out, "images.u8"), "wb") as images:
        files = files_of(root)
        for path, _ in files:
            with Image.open(path) as image:
                if draft:
                    image.draft("RGB", (width, height))
                if image.mode != "RGB":
                    image = image.convert("RGB")
                pixels = fit(image, width, height).tobytes()
            images.write(pixels)
            digest.update(pixels)
        images.flush()
        os.fsync(images.fileno())
    with open(os.path.join(out, "dataset.json"), "w") as description:
        json.dump({"count": len(files), "fingerprint": digest.hexdigest()}, description)
    return len(files)


if __name__ == "__main__":
    root, out, width, height = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    start = time.perf_counter()
    count = intake(root, out, width, height, sys.argv[5:] == ["draft"])
    print(json.dumps({"count": count, "seconds": time.perf_counter() - start, "pillow": Image.__version__}))
