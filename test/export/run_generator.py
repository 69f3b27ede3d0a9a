"""
Runs exported generators with PyTorch. Reads {folder: {"z": [...], "latentDim": n}} as JSON from stdin, and writes for each the
images that load_generator() of its generator.py gives, [N, channels, height, width] flattened.
"""

import json
import runpy
import struct
import sys
from pathlib import Path

import torch

torch.set_num_threads(1)


def tensors_by_hand(path):
    """The safetensors format as its README says it: length, header, numbers; the numbers without a hole between them."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    assert (8 + length) % 8 == 0
    header = json.loads(data[8 : 8 + length].decode("utf-8"))
    del header["__metadata__"]
    end = 0
    tensors = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        assert entry["dtype"] == "F32" and begin == end, name
        end = stop
        numbers = struct.unpack_from(f"<{(stop - begin) // 4}f", data, 8 + length + begin)
        tensors[name] = torch.tensor(numbers).reshape(entry["shape"])
    assert 8 + length + end == len(data)
    return tensors


def images(folder, case):
    module = runpy.run_path(str(Path(folder) / "generator.py"), run_name="generator")
    assert module["LATENT_DIM"] == case["latentDim"]
    generator = module["load_generator"]()
    by_hand = tensors_by_hand(Path(folder) / "generator.safetensors")
    for name, tensor in generator.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(tensor, by_hand.pop(name)), name
    assert not by_hand, by_hand.keys()
    with torch.no_grad():
        return generator(torch.tensor(case["z"]).reshape(-1, case["latentDim"])).flatten().tolist()


json.dump({folder: images(folder, case) for folder, case in json.load(sys.stdin).items()}, sys.stdout)
