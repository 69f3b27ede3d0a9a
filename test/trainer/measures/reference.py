"""The measures, written out plainly after what was published, in float64. Reads cases from standard input, writes what they give.

sliced Wasserstein distance, MS-SSIM: Karras et al. 2018 (tkarras/progressive_growing_of_gans metrics/)
precision, recall, density, coverage: Naeem et al. 2020 (clovaai/generative-evaluation-prdc prdc/prdc.py)
copies: Alaa et al. 2022, section 4.3     Frechet distance: Heusel et al. 2017 (bioinf-jku/TTUR fid.py)
kernel distance: Binkowski et al. 2018 (NVlabs/stylegan2-ada-pytorch metrics/kernel_inception_distance.py)
resizing for Inception: torch.nn.functional.interpolate, as mseitzer/pytorch-fid calls it
"""
import json
import sys

import numpy as np

PATCH = 7
PATCHES = 128


def filter_2d(images, kernel):
    """Correlation of [N, C, H, W] with borders mirrored at the outermost pixel."""
    r = kernel.shape[0] // 2
    padded = np.pad(images, ((0, 0), (0, 0), (r, r), (r, r)), mode="reflect")
    height, width = images.shape[2:]
    out = np.zeros_like(images)
    for dy in range(kernel.shape[0]):
        for dx in range(kernel.shape[1]):
            out += kernel[dy, dx] * padded[:, :, dy : dy + height, dx : dx + width]
    return out


BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256.0


def pyramid(images):
    levels = [images]
    side = min(images.shape[2:]) // 2
    while side >= 16:
        smaller = filter_2d(levels[-1], BINOMIAL)[:, :, ::2, ::2]
        spread = np.zeros_like(levels[-1])
        spread[:, :, ::2, ::2] = smaller
        levels[-1] = levels[-1] - filter_2d(spread, 4 * BINOMIAL)
        levels.append(smaller)
        side //= 2
    return levels


def descriptors(level, places):
    out = np.stack(
        [
            level[i // PATCHES, :, y : y + PATCH, x : x + PATCH]
            for i, (y, x) in enumerate(places)
        ]
    )
    out = out - out.mean(axis=(0, 2, 3), keepdims=True)
    out = out / out.std(axis=(0, 2, 3), keepdims=True)
    return out.reshape(len(out), -1)


def swd(case, a, b):
    distances = []
    for level_a, level_b, drawn in zip(pyramid(a), pyramid(b), case["levels"]):
        if level_a.shape[1] == 1:
            level_a, level_b = (np.repeat(level, 3, axis=1) for level in (level_a, level_b))
        projections = []
        for level, places in ((level_a, drawn["placesOfA"]), (level_b, drawn["placesOfB"])):
            found = descriptors(level, np.array(places).reshape(-1, 2))
            directions = np.array(drawn["directions"]).reshape(-1, found.shape[1])
            projections.append(np.sort(found @ directions.T, axis=0))
        distances.append(1000 * np.mean(np.abs(projections[0] - projections[1])))
    return distances


def window_means(images, window):
    size = len(window)
    height, width = images.shape[1] - size + 1, images.shape[2] - size + 1
    out = np.zeros((images.shape[0], height, width, images.shape[3]))
    for dy in range(size):
        for dx in range(size):
            out += window[dy, dx] * images[:, dy : dy + height, dx : dx + width]
    return out


def ms_ssim(images, levels):
    """Of [N, H, W, C], 0..255."""
    a, b = images[0::2], images[1::2]
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
    used = weights[:levels] * weights.sum() / weights[:levels].sum()
    score = np.ones(len(a))
    for level in range(levels):
        size = min(11, a.shape[1], a.shape[2])
        sigma = size * 1.5 / 11
        offset = np.arange(size) - (size - 1) / 2
        gauss = np.exp(-(offset[:, None] ** 2 + offset[None, :] ** 2) / (2 * sigma**2))
        window = gauss / gauss.sum()
        mu_a, mu_b = window_means(a, window), window_means(b, window)
        var_a = window_means(a * a, window) - mu_a**2
        var_b = window_means(b * b, window) - mu_b**2
        cov = window_means(a * b, window) - mu_a * mu_b
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        cs = (2 * cov + c2) / (var_a + var_b + c2)
        ssim = cs * (2 * mu_a * mu_b + c1) / (mu_a**2 + mu_b**2 + c1)
        value = (ssim if level == levels - 1 else cs).mean(axis=(1, 2, 3))
        score *= np.clip(value, 0, None) ** used[level]
        if level < levels - 1:
            a, b = (
                (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4
                for x in (a, b)
            )
    return score.mean()


def pixel_features(images, cell):
    n, height, width, channels = images.shape
    cells = images.reshape(n, height // cell, cell, width // cell, cell, channels)
    return cells.mean(axis=(2, 4)).reshape(n, -1) / 127.5 - 1


def distances(a, b):
    return np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(-1))


def prdc(real, fake, k):
    real_radii = np.sort(distances(real, real), axis=1)[:, k]
    fake_radii = np.sort(distances(fake, fake), axis=1)[:, k]
    between = distances(real, fake)
    return {
        "precision": (between < real_radii[:, None]).any(axis=0).mean(),
        "recall": (between < fake_radii[None, :]).any(axis=1).mean(),
        "density": (between < real_radii[:, None]).sum(axis=0).mean() / k,
        "coverage": (between.min(axis=1) < real_radii).mean(),
    }


def copies(training, fake):
    to_training = distances(fake, training)
    within = distances(training, training)
    np.fill_diagonal(within, np.inf)
    nearest = to_training.argmin(axis=1)
    copied = to_training.min(axis=1) < within[nearest].min(axis=1)
    return [copied.mean(), (to_training.min(axis=1) / np.sqrt(training.shape[1])).mean()]


def colour_gaps(a, b):
    over = (0, 1, 2)
    return np.sqrt(
        (a.mean(axis=over) - b.mean(axis=over)) ** 2 + (a.std(axis=over) - b.std(axis=over)) ** 2
    ).tolist()


def frechet(a, b):
    c1, c2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    # Tr sqrt(C1 C2) by the eigenvalues of C1 C2 itself.
    crossed = np.sqrt(np.clip(np.linalg.eigvals(c1 @ c2).real, 0, None)).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * crossed


def kernel(a, b, subsets):
    width = a.shape[1]
    total = 0.0
    for rows_a, rows_b in subsets:
        x, y = a[rows_a], b[rows_b]
        m = len(x)
        within = (x @ x.T / width + 1) ** 3 + (y @ y.T / width + 1) ** 3
        between = (x @ y.T / width + 1) ** 3
        total += (within.sum() - np.diag(within).sum()) / (m - 1) - between.sum() * 2 / m
    return total / len(subsets) / m


def measured(case):
    shape = (-1, case["height"], case["width"], case["channels"])
    a = np.array(case["a"], dtype=np.float64).reshape(shape)
    b = np.array(case["b"], dtype=np.float64).reshape(shape)
    out = {
        "swd": swd(case, a.transpose(0, 3, 1, 2), b.transpose(0, 3, 1, 2)),
        "msSsim": ms_ssim(b, case["structureLevels"]),
        "colourGaps": colour_gaps(a, b),
    }
    real, fake = pixel_features(a, case["cell"]), pixel_features(b, case["cell"])
    out.update(prdc(real, fake, case["neighbours"]))
    out["copies"], out["nearest"] = copies(real, fake)
    pairs = distances(fake, fake)[np.triu_indices(len(fake), 1)]
    out["pairwise"] = (pairs / np.sqrt(fake.shape[1])).mean()
    few_real, few_fake = (x.reshape(len(x), -1)[:, : case["few"]] for x in (real, fake))
    out["frechet"] = frechet(few_real, few_fake)
    out["kernel"] = kernel(few_fake, few_real, case["subsets"])
    import torch

    first = torch.tensor(a[:1].transpose(0, 3, 1, 2))
    larger = torch.nn.functional.interpolate(
        first, size=tuple(case["resizedTo"]), mode="bilinear", align_corners=False
    )
    larger = larger.expand(-1, 3, -1, -1) if larger.shape[1] == 1 else larger
    out["resized"] = (larger / 127.5 - 1).flatten().tolist()
    return out


cases = json.load(sys.stdin)
json.dump({name: measured(case) for name, case in cases.items()}, sys.stdout)
