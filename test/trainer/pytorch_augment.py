"""Differentiable augmentation as mit-han-lab/data-efficient-gans DiffAugment_pytorch.py computes it, with the random numbers given.

Reads from standard input: {"case": {"shape": [batch, height, width, channels], "images", "weights", and what was drawn: "brightness",
"saturation", "contrast" (a number an image; 0 changes nothing), "shift" ([down, right] an image), "cutout" ([batch, height, width])}}, and
writes for each case the images and the gradient of their sum, weighted with "weights". Only the first three channels are colours.
"""

import json
import sys

import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


def rand_brightness(x, drawn):
    return x + drawn


def rand_saturation(x, drawn):
    x_mean = x.mean(dim=1, keepdim=True)
    return (x - x_mean) * (drawn + 1) + x_mean


def rand_contrast(x, drawn):
    x_mean = x.mean(dim=[1, 2, 3], keepdim=True)
    return (x - x_mean) * (drawn + 1) + x_mean


def rand_translation(x, shift):
    grid_batch, grid_x, grid_y = torch.meshgrid(
        torch.arange(x.size(0)), torch.arange(x.size(2)), torch.arange(x.size(3)), indexing="ij"
    )
    grid_x = torch.clamp(grid_x + shift[:, 0].view(-1, 1, 1) + 1, 0, x.size(2) + 1)
    grid_y = torch.clamp(grid_y + shift[:, 1].view(-1, 1, 1) + 1, 0, x.size(3) + 1)
    x_pad = F.pad(x, [1, 1, 1, 1, 0, 0, 0, 0])
    return x_pad.permute(0, 2, 3, 1).contiguous()[grid_batch, grid_x, grid_y].permute(0, 3, 1, 2)


def per_image(values):
    return torch.tensor(values).view(-1, 1, 1, 1)


def augment(x, case):
    if "brightness" in case:
        colours, alpha = x[:, :3], x[:, 3:]
        colours = rand_brightness(colours, per_image(case["brightness"]))
        if "saturation" in case:
            colours = rand_saturation(colours, per_image(case["saturation"]))
        colours = rand_contrast(colours, per_image(case["contrast"]))
        x = torch.cat([colours, alpha], dim=1)
    if "shift" in case:
        x = rand_translation(x, torch.tensor(case["shift"]))
    if "cutout" in case:
        batch, height, width, _ = case["shape"]
        x = x * torch.tensor(case["cutout"]).view(batch, 1, height, width)
    return x


results = {}
for name, case in json.load(sys.stdin).items():
    images = torch.tensor(case["images"]).view(case["shape"]).requires_grad_()
    weights = torch.tensor(case["weights"]).view(case["shape"])
    augmented = augment(images.permute(0, 3, 1, 2), case).permute(0, 2, 3, 1)
    (augmented * weights).sum().backward()
    results[name] = {
        "images": augmented.flatten().tolist(),
        "gradient": images.grad.flatten().tolist(),
    }
json.dump(results, sys.stdout)
