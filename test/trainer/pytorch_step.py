"""One training step of a GAN in PyTorch, in the order of its DCGAN tutorial, written out for two small pairs of networks.

Reads from standard input: {"case": {"pair", "loss", "tensors", "inputs", "adam": {"discriminator", "generator"}}}, the tensors and inputs as
{"name": {"shape", "values"}} with Ganvas' names and layouts. Writes for each case the losses, gradients, next parameters and buffers,
in the same layouts. Computes in double precision, so that its own rounding plays no part.
"""

import json
import sys

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

torch.set_default_dtype(torch.float64)


def tensor(entry):
    return torch.tensor(entry["values"]).reshape(entry["shape"])


def image(x):
    """[batch, height, width, channels] to [batch, channels, height, width]."""
    return x.permute(0, 3, 1, 2)


class PlainDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.l0 = nn.Conv2d(1, 3, 4, 2, 1, bias=False)
        self.l1 = nn.Conv2d(3, 4, 4, 2, 1, bias=False)
        self.n1 = nn.BatchNorm2d(4)
        self.l2 = nn.Conv2d(4, 1, 2, 1, 0, bias=False)

    def forward(self, x, masks):
        x = F.leaky_relu(self.l0(x), 0.2)
        x = F.leaky_relu(self.n1(self.l1(x)), 0.2)
        return self.l2(x).view(-1)


class PlainGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.l0 = nn.ConvTranspose2d(3, 4, 2, 1, 0, bias=False)
        self.n0 = nn.BatchNorm2d(4)
        self.l1 = nn.ConvTranspose2d(4, 3, 4, 2, 1, bias=False)
        self.n1 = nn.BatchNorm2d(3)
        self.l2 = nn.ConvTranspose2d(3, 1, 4, 2, 1, bias=False)

    def forward(self, z, masks):
        x = F.relu(self.n0(self.l0(z[:, :, None, None])))
        x = F.relu(self.n1(self.l1(x)))
        return torch.tanh(self.l2(x))


class FullDiscriminator(nn.Module):
    """Spectral norm, biases, max pooling with a remainder, dropout, fully connected layers."""

    def __init__(self):
        super().__init__()
        self.l0 = spectral_norm(nn.Conv2d(2, 3, 3, 1, 1), eps=1e-12)
        self.l1 = spectral_norm(nn.Linear(2 * 4 * 3, 4), eps=1e-12)
        self.l2 = spectral_norm(nn.Linear(4, 1), eps=1e-12)

    def forward(self, x, masks):
        x = F.max_pool2d(F.leaky_relu(self.l0(x), 0.2), (2, 1)) * image(masks["discriminator.0"])
        x = F.leaky_relu(self.l1(x.permute(0, 2, 3, 1).flatten(1)), 0.2)
        return self.l2(x * masks["discriminator.1"].flatten(1)).view(-1)


class FullGenerator(nn.Module):
    """Fully connected layers, un-pooling, dropout, spectral norm on a transposed convolution."""

    def __init__(self):
        super().__init__()
        self.l0 = nn.Linear(3, 4, bias=False)
        self.n0 = nn.BatchNorm2d(4)
        self.l1 = nn.Linear(4, 2 * 4 * 3, bias=False)
        self.n1 = nn.BatchNorm2d(3)
        self.l2 = spectral_norm(nn.ConvTranspose2d(3, 2, 3, 1, 1), eps=1e-12)

    def forward(self, z, masks):
        x = F.relu(self.n0(self.l0(z)[:, :, None, None]))
        x = self.l1(x.flatten(1)).view(-1, 2, 4, 3)
        x = F.relu(self.n1(image(x))) * image(masks["generator.1"])
        x = x.repeat_interleave(2, dim=2)
        x = torch.cat([x, x[:, :, -1:]], dim=2)
        return torch.tanh(self.l2(x))


PAIRS = {"plain": (PlainDiscriminator, PlainGenerator), "full": (FullDiscriminator, FullGenerator)}


def to_torch(values, layer):
    return values.T if isinstance(layer, nn.Linear) else values.permute(3, 2, 0, 1)


def from_torch(values, layer):
    return values.T if isinstance(layer, nn.Linear) else values.permute(2, 3, 1, 0)


def entries(module, network):
    """(Ganvas' name, tensor, layer whose layout it has or None) of all parameters and of all buffers."""
    parameters, buffers = [], []
    for key, layer in module.named_children():
        prefix = f"{network}.{key[1:]}"
        if key[0] == "n":
            parameters += [(f"{prefix}.gamma", layer.weight, None), (f"{prefix}.beta", layer.bias, None)]
            buffers += [(f"{prefix}.mean", layer.running_mean), (f"{prefix}.variance", layer.running_var)]
            continue
        normed = hasattr(layer, "weight_orig")
        parameters.append((f"{prefix}.weight", layer.weight_orig if normed else layer.weight, layer))
        if layer.bias is not None:
            parameters.append((f"{prefix}.bias", layer.bias, None))
        if normed:
            buffers.append((f"{prefix}.u", layer.weight_u))
    return parameters, buffers


def load(module, network, tensors):
    parameters, buffers = entries(module, network)
    with torch.no_grad():
        for name, parameter, layer in parameters:
            values = tensor(tensors[name])
            parameter.copy_(values if layer is None else to_torch(values, layer))
        for name, buffer in buffers:
            buffer.copy_(tensor(tensors[name]))


LOSSES = {
    "ns": (
        lambda a: F.binary_cross_entropy_with_logits(a, torch.ones_like(a)),
        lambda b: F.binary_cross_entropy_with_logits(b, torch.zeros_like(b)),
        lambda b: F.binary_cross_entropy_with_logits(b, torch.ones_like(b)),
    ),
    "ls": (
        lambda a: 0.5 * F.mse_loss(a, torch.ones_like(a)),
        lambda b: 0.5 * F.mse_loss(b, torch.zeros_like(b)),
        lambda b: 0.5 * F.mse_loss(b, torch.ones_like(b)),
    ),
    "hinge": (lambda a: F.relu(1 - a).mean(), lambda b: F.relu(1 + b).mean(), lambda b: -b.mean()),
}


def step(case):
    discriminator, generator = (make() for make in PAIRS[case["pair"]])
    load(discriminator, "discriminator", case["tensors"])
    load(generator, "generator", case["tensors"])
    optimisers = {}
    for network, module in (("discriminator", discriminator), ("generator", generator)):
        adam = case["adam"][network]
        optimisers[network] = torch.optim.Adam(
            module.parameters(), lr=adam["learningRate"], betas=(adam["beta1"], adam["beta2"]), eps=adam["epsilon"]
        )

    def masks(of):
        prefix = f"dropout.{of}."
        return {name[len(prefix) :]: tensor(entry) for name, entry in case["inputs"].items() if name.startswith(prefix)}

    on_reals, on_fakes, of_generator = LOSSES[case["loss"]]
    opinion = torch.sigmoid if case["loss"] == "ns" else lambda x: x
    gradients = {}

    def keep_gradients(module, network):
        for name, parameter, layer in entries(module, network)[0]:
            gradients[name] = parameter.grad.clone() if layer is None else from_torch(parameter.grad, layer).clone()

    discriminator.zero_grad()
    a = discriminator(image(tensor(case["inputs"]["reals"])), masks("reals"))
    loss_on_reals = on_reals(a)
    loss_on_reals.backward()
    fakes = generator(tensor(case["inputs"]["z"]), masks("generate"))
    b = discriminator(fakes.detach(), masks("fakes"))
    loss_on_fakes = on_fakes(b)
    loss_on_fakes.backward()
    keep_gradients(discriminator, "discriminator")
    optimisers["discriminator"].step()

    generator.zero_grad()
    loss_of_generator = of_generator(discriminator(fakes, masks("generator")))
    loss_of_generator.backward()
    keep_gradients(generator, "generator")
    optimisers["generator"].step()

    state = {}
    for network, module in (("discriminator", discriminator), ("generator", generator)):
        parameters, buffers = entries(module, network)
        for name, parameter, layer in parameters:
            state[name] = parameter if layer is None else from_torch(parameter, layer)
        state.update(buffers)
    losses = [loss_on_reals + loss_on_fakes, loss_of_generator, opinion(a).mean(), opinion(b).mean()]
    return {
        "losses": [value.item() for value in losses],
        "gradients": {name: values.flatten().tolist() for name, values in gradients.items()},
        "state": {name: values.detach().flatten().tolist() for name, values in state.items()},
    }


json.dump({name: step(case) for name, case in json.load(sys.stdin).items()}, sys.stdout)
