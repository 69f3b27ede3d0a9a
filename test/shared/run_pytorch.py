"""Runs generated PyTorch code: reads cases as JSON from stdin, writes what came out of each as JSON to stdout."""

import json
import sys

import torch

torch.set_num_threads(1)


def tensor(data):
    return torch.tensor(data["values"], dtype=torch.float32).reshape(data["shape"])


def passes(network, x):
    """Shapes behind each block, and what comes out."""
    shapes = []
    with torch.no_grad():
        for block in network.blocks:
            x = block(x)
            shapes.append(list(x.shape[1:]))
    return shapes, x


def report(network, x):
    shapes, out = passes(network, x)
    return {
        "shapes": shapes,
        "parameters": sum(p.numel() for p in network.parameters()),
        "tensors": {name: list(t.shape) for name, t in network.state_dict().items()},
        "output": out.flatten().tolist(),
    }


def run(case):
    namespace = {"__name__": "generated"}
    exec(compile(case["code"], "generated.py", "exec"), namespace)
    results = {}
    for name in ("Discriminator", "Generator"):
        network = namespace[name]()
        namespace["weights_init"](network)
        start = {n: [p.mean().item(), p.std(unbiased=False).item()] for n, p in network.named_parameters()}
        given = case[name]
        if "state" in given:
            missing, unexpected = network.load_state_dict(
                {key: tensor(data) for key, data in given["state"].items()}, strict=False
            )
            assert not unexpected, unexpected
            assert all(key.endswith("num_batches_tracked") for key in missing), missing
            network.load_state_dict({key: tensor(data) for key, data in given["state"].items()})
        results[name] = {**report(network.eval(), tensor(given["input"])), "start": start}
    return results


json.dump([run(case) for case in json.load(sys.stdin)], sys.stdout)
