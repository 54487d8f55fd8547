"""Record pictures of random polygons as pygame draws and shrinks them: tests/data/env/pygame_raster.json.

    venv/bin/python benches/parity/record_raster.py > tests/data/env/pygame_raster.json

in the virtual environment of record_box2d.py. Each picture is 1000 by 800, drawn on black; digests are FNV-1a (64 bit)
of its bytes [height, width, 3], and of those of its shrunk copies.
"""

import json
import random

import numpy as np
import pygame
from pygame import gfxdraw


def fnv1a(data: bytes) -> str:
    h = 0xCBF29CE484222325
    for b in data:
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{h:016x}"


def digest(surface) -> str:
    return fnv1a(np.ascontiguousarray(pygame.surfarray.array3d(surface).transpose(1, 0, 2)).tobytes())


def picture(rng, reach: int) -> dict:
    surface = pygame.Surface((1000, 800))
    polygons = []
    for _ in range(40):
        x, y = rng.uniform(-reach / 2, 1000 + reach / 2), rng.uniform(-reach / 2, 800 + reach / 2)
        corners = [(x + rng.uniform(-reach, reach), y + rng.uniform(-reach, reach)) for _ in range(rng.randint(3, 8))]
        if rng.random() < 0.2:  # level and upright edges
            corners = [(x, y), (x + reach, y), (x + reach, y + reach / 2), (x, y + reach / 2)]
        color = [rng.randrange(256) for _ in range(3)]
        # pygame fills triangles with hard edges by other arithmetic; none are drawn here.
        smooth = rng.random() < 0.6 or len(corners) == 3
        if smooth:
            gfxdraw.aapolygon(surface, corners, color)
            gfxdraw.filled_polygon(surface, corners, color)
        else:
            pygame.draw.polygon(surface, color, corners)
        polygons.append({"smooth": smooth, "color": color, "corners": corners})
    small = {f"{w}x{h}": digest(pygame.transform.smoothscale(surface, (w, h))) for w, h in [(96, 96), (600, 400)]}
    return {"polygons": polygons, "digest": digest(surface)} | small


if __name__ == "__main__":
    rng = random.Random(5)
    print(json.dumps({"pygame-ce": pygame.version.ver, "pictures": [picture(rng, r) for r in (20, 200, 900)]}))
