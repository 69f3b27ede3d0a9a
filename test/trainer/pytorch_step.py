"""One training step of a GAN in PyTorch, in the order of its DCGAN tutorial, written out for two small pairs of networks.

Reads from standard input: {"case": {"pair", "hyperparameters", "tensors", "inputs"}}, the tensors and inputs as
{"name": {"shape", "values"}} with Ganvas' names and layouts. Writes for each case the losses, the last gradients, next parameters, buffers
and moments, in the same layouts. Computes in double precision, so that its own rounding plays no part.
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


class SmoothDiscriminator(nn.Module):
    """Without batch norm: each image is judged for itself."""

    def __init__(self):
        super().__init__()
        self.l0 = nn.Conv2d(1, 3, 4, 2, 1, bias=False)
        self.l1 = nn.Conv2d(3, 4, 4, 2, 1)
        self.l2 = nn.Conv2d(4, 1, 2, 1, 0, bias=False)

    def forward(self, x, masks):
        x = F.leaky_relu(self.l0(x), 0.2)
        return self.l2(F.leaky_relu(self.l1(x), 0.2)).view(-1)


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


class PixelNorm(nn.Module):
    def forward(self, x):
        return x / torch.sqrt(x.pow(2).mean(dim=1, keepdim=True) + 1e-8)


class NormsDiscriminator(nn.Module):
    """Layer norm, group norm, minibatch standard deviation, pixel norm."""

    def __init__(self):
        super().__init__()
        self.l0 = nn.Conv2d(1, 3, 4, 2, 1, bias=False)
        self.n0 = nn.GroupNorm(1, 3)
        self.l1 = nn.Conv2d(3, 8, 4, 2, 1, bias=False)
        self.n1 = nn.GroupNorm(2, 8)
        self.l2 = nn.Linear(2 * 2 * 9, 4, bias=False)
        self.l3 = nn.Linear(4, 1)

    def forward(self, x, masks):
        x = F.leaky_relu(self.n0(self.l0(x)), 0.2)
        x = F.leaky_relu(self.n1(self.l1(x)), 0.2)
        spread = torch.sqrt(x.var(dim=0, unbiased=False) + 1e-8).mean()
        x = torch.cat([x, spread.expand(len(x), 1, 2, 2)], dim=1)
        x = F.leaky_relu(PixelNorm()(self.l2(x.permute(0, 2, 3, 1).flatten(1))), 0.2)
        return self.l3(x).view(-1)


class NormsGenerator(nn.Module):
    """Pixel norm, group norm, instance norm."""

    def __init__(self):
        super().__init__()
        self.l0 = nn.Linear(3, 4, bias=False)
        self.l1 = nn.Linear(4, 2 * 2 * 8, bias=False)
        self.n1 = nn.GroupNorm(2, 8)
        self.l2 = nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False)
        self.n2 = nn.InstanceNorm2d(3, affine=True)
        self.l3 = nn.ConvTranspose2d(3, 1, 4, 2, 1, bias=False)

    def forward(self, z, masks):
        x = F.relu(PixelNorm()(self.l0(z)))
        x = F.relu(self.n1(image(self.l1(x).view(-1, 2, 2, 8))))
        x = F.relu(self.n2(self.l2(x)))
        return torch.tanh(self.l3(x))


PAIRS = {
    "norms": (NormsDiscriminator, NormsGenerator),
    "plain": (PlainDiscriminator, PlainGenerator),
    "smooth": (SmoothDiscriminator, PlainGenerator),
    "full": (FullDiscriminator, FullGenerator),
}


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
            if isinstance(layer, nn.BatchNorm2d):
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


def smooth(a, smoothing):
    return F.binary_cross_entropy_with_logits(a, torch.full_like(a, 1 - smoothing))


LOSSES = {
    "ns": (
        smooth,
        lambda b: F.binary_cross_entropy_with_logits(b, torch.zeros_like(b)),
        lambda b: F.binary_cross_entropy_with_logits(b, torch.ones_like(b)),
    ),
    "ls": (
        lambda a, smoothing: 0.5 * F.mse_loss(a, torch.full_like(a, 1 - smoothing)),
        lambda b: 0.5 * F.mse_loss(b, torch.zeros_like(b)),
        lambda b: 0.5 * F.mse_loss(b, torch.ones_like(b)),
    ),
    "hinge": (lambda a, _: F.relu(1 - a).mean(), lambda b: F.relu(1 + b).mean(), lambda b: -b.mean()),
    "wasserstein": (lambda a, _: -a.mean(), lambda b: b.mean(), lambda b: -b.mean()),
}


def squared_slopes(verdicts, images):
    (slopes,) = torch.autograd.grad(verdicts.sum(), images, create_graph=True)
    return slopes.pow(2).flatten(1).sum(1)


def augmented(x, drawn):
    """What was drawn for each image; pytorch_augment.py has the source's own words for it."""
    if "brightness" in drawn:
        x = x + drawn["brightness"]
    if "saturation" in drawn:
        grey = x.mean(dim=1, keepdim=True)
        x = (x - grey) * (1 + drawn["saturation"]) + grey
    if "contrast" in drawn:
        grey = x.mean(dim=[1, 2, 3], keepdim=True)
        x = (x - grey) * (1 + drawn["contrast"]) + grey
    if "translation" in drawn:
        batch, channels, height, width = x.shape
        pixels = torch.cat([x.permute(0, 2, 3, 1).reshape(-1, channels), torch.zeros(1, channels)])
        x = image(pixels[drawn["translation"].long()].view(batch, height, width, channels))
    if "cutout" in drawn:
        x = x * image(drawn["cutout"])
    return x


def optimiser(module, settings):
    rate = settings["learningRate"]
    betas = (settings["beta1"], settings["beta2"])
    parameters, epsilon = module.parameters(), settings["epsilon"]
    if settings["kind"] == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=betas[0])
    if settings["kind"] == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=rate, alpha=betas[1], eps=epsilon)
    if settings["kind"] == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, betas=betas, eps=epsilon, weight_decay=settings["weightDecay"])
    return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=epsilon)


def update(module, its_optimiser, settings):
    if settings["clipNorm"] is not None:
        nn.utils.clip_grad_norm_(module.parameters(), settings["clipNorm"])
    its_optimiser.step()


def step(case):
    chosen = case["hyperparameters"]
    batch = chosen["batch"]
    discriminator, generator = (make() for make in PAIRS[case["pair"]])
    modules = {"discriminator": discriminator, "generator": generator}
    for network, module in modules.items():
        load(module, network, case["tensors"])
    optimisers = {network: optimiser(module, chosen[network]) for network, module in modules.items()}
    inputs = {name: tensor(entry) for name, entry in case["inputs"].items()}

    def under(prefix):
        return {name[len(prefix) :]: values for name, values in inputs.items() if name.startswith(prefix)}

    def masks(of):
        return under(f"dropout.{of}.")

    def shown(images, of):
        noise = inputs.get(f"noise.{of}")
        return augmented(images if noise is None else images + image(noise), under(f"augment.{of}."))

    on_reals, on_fakes, of_generator = LOSSES[chosen["loss"]]
    opinion = torch.sigmoid if chosen["loss"] == "ns" else lambda x: x
    weights = chosen["penalties"]
    gradients = {}

    def keep_gradients(module, network):
        for name, parameter, layer in entries(module, network)[0]:
            gradients[name] = parameter.grad.clone() if layer is None else from_torch(parameter.grad, layer).clone()

    for at in range(chosen["discriminatorSteps"]):
        number = "" if at == 0 else str(at + 1)
        part = slice(at * batch, (at + 1) * batch)
        fakes = generator(inputs["z"][part], masks("generate" + number))
        reals = shown(image(inputs["reals"][part]), "reals" + number).requires_grad_()
        seen = shown(fakes.detach(), "fakes" + number).requires_grad_()
        discriminator.zero_grad()
        a = discriminator(reals, masks("reals" + number))
        b = discriminator(seen, masks("fakes" + number))
        loss_of_discriminator = on_reals(a, chosen["labelSmoothing"]) + on_fakes(b)
        penalty = 0.5 * weights["r1"] * squared_slopes(a, reals).mean()
        penalty = penalty + 0.5 * weights["r2"] * squared_slopes(b, seen).mean()
        if weights["gp"] > 0:
            alpha = inputs["mix" + number]
            mixed = (alpha * reals + (1 - alpha) * seen).detach().requires_grad_()
            squares = squared_slopes(discriminator(mixed, masks("mixed" + number)), mixed)
            penalty = penalty + weights["gp"] * (torch.sqrt(squares + 1e-10) - 1).pow(2).mean()
        (loss_of_discriminator + weights["every"] * penalty).backward()
        keep_gradients(discriminator, "discriminator")
        update(discriminator, optimisers["discriminator"], chosen["discriminator"])
        if chosen["weightClip"] is not None:
            with torch.no_grad():
                for parameter in discriminator.parameters():
                    parameter.clamp_(-chosen["weightClip"], chosen["weightClip"])

    generator.zero_grad()
    loss_of_generator = of_generator(discriminator(shown(fakes, "generator"), masks("generator")))
    loss_of_generator.backward()
    keep_gradients(generator, "generator")
    update(generator, optimisers["generator"], chosen["generator"])

    state = {}
    for network, module in modules.items():
        parameters, buffers = entries(module, network)
        for name, parameter, layer in parameters:
            moments = optimisers[network].state[parameter]
            found = {name: parameter}
            for ours, theirs in (("m", "exp_avg"), ("m", "momentum_buffer"), ("v", "exp_avg_sq"), ("v", "square_avg")):
                if moments.get(theirs) is not None:
                    found[f"adam.{ours}.{name}"] = moments[theirs]
            state.update({key: x if layer is None else from_torch(x, layer) for key, x in found.items()})
        state.update(buffers)
    losses = [loss_of_discriminator, loss_of_generator, opinion(a).mean(), opinion(b).mean()]
    return {
        "losses": [value.item() for value in losses],
        "gradients": {name: values.flatten().tolist() for name, values in gradients.items()},
        "state": {name: values.detach().flatten().tolist() for name, values in state.items()},
    }


json.dump({name: step(case) for name, case in json.load(sys.stdin).items()}, sys.stdout)
