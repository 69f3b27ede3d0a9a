"""The DCGAN training step of pytorch/examples dcgan/main.py, timed. Prints one line of JSON.

usage: pytorch_dcgan.py RESOLUTION BATCH BASE THREADS STEPS
"""

import json
import resource
import sys
import time

import torch
from torch import nn

resolution, batch, base, threads, steps = (int(a) for a in sys.argv[1:6])
torch.set_num_threads(threads)
torch.manual_seed(1)
nz, nc = 100, 3

widths = [base]
side = resolution // 2
while side > 4:
    widths.append(widths[-1] * 2)
    side //= 2

d = [nn.Conv2d(nc, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
for a, b in zip(widths, widths[1:]):
    d += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2, inplace=True)]
netD = nn.Sequential(*d, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False))

g = [nn.ConvTranspose2d(nz, widths[-1], 4, 1, 0, bias=False), nn.BatchNorm2d(widths[-1]), nn.ReLU(True)]
for a, b in zip(widths[::-1], widths[::-1][1:]):
    g += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(True)]
netG = nn.Sequential(*g, nn.ConvTranspose2d(widths[0], nc, 4, 2, 1, bias=False), nn.Tanh())


def weights_init(m):
    if "Conv" in m.__class__.__name__:
        nn.init.normal_(m.weight, 0.0, 0.02)
    elif "BatchNorm" in m.__class__.__name__:
        nn.init.normal_(m.weight, 1.0, 0.02)
        nn.init.zeros_(m.bias)


netD.apply(weights_init)
netG.apply(weights_init)
optD = torch.optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))
optG = torch.optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
real_label, fake_label = torch.ones(batch), torch.zeros(batch)
reals = torch.randn(batch, nc, resolution, resolution).clamp(-1, 1)


def step():
    netD.zero_grad(set_to_none=True)
    loss_real = bce(netD(reals).view(-1), real_label)
    loss_real.backward()
    fake = netG(torch.randn(batch, nz, 1, 1))
    loss_fake = bce(netD(fake.detach()).view(-1), fake_label)
    loss_fake.backward()
    optD.step()
    netG.zero_grad(set_to_none=True)
    # The generator's step needs no gradient of the discriminator's weights.
    for p in netD.parameters():
        p.requires_grad_(False)
    loss_g = bce(netD(fake).view(-1), real_label)
    loss_g.backward()
    for p in netD.parameters():
        p.requires_grad_(True)
    optG.step()
    return (loss_real + loss_fake).item(), loss_g.item()


for _ in range(2):
    step()
times = []
for _ in range(steps):
    start = time.perf_counter()
    losses = step()
    times.append((time.perf_counter() - start) * 1000)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"ms": sorted(times)[len(times) // 2], "peakMB": peak, "torch": torch.__version__, "losses": losses}))
