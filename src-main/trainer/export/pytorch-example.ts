import type { PytorchEnding } from '../../../src-shared/gan/pytorch.ts';

/**
 * The end of an exported generator's PyTorch file: a function that loads the weights, and what running the file shows. It needs PyTorch
 * alone, the package `safetensors` not.
 * @param file name of the tensors beside the code
 */
export function pytorchExample(file: string): PytorchEnding {
  const imports = ['import json', 'import os', 'import struct'];
  const code = [
    'def read_safetensors(path):',
    '    """Tensors by name; safetensors.torch.load_file does the same."""',
    '    with open(path, "rb") as file:',
    '        data = file.read()',
    '    (length,) = struct.unpack("<Q", data[:8])',
    '    header = json.loads(data[8 : 8 + length])',
    '    header.pop("__metadata__", None)',
    '    tensors = {}',
    '    for name, entry in header.items():',
    '        start, end = (8 + length + offset for offset in entry["data_offsets"])',
    '        values = torch.frombuffer(bytearray(data[start:end]), dtype=torch.float32)',
    '        tensors[name] = values.reshape(entry["shape"])',
    '    return tensors',
    '',
    '',
    `def load_generator(path=os.path.join(os.path.dirname(__file__), "${file}")):`,
    '    """The trained generator, ready to be used."""',
    '    generator = Generator()',
    '    generator.load_state_dict(read_safetensors(path))',
    '    return generator.eval()',
    '',
    '',
    'if __name__ == "__main__":',
    '    with torch.no_grad():',
    '        images = load_generator()(torch.randn(16, LATENT_DIM))',
    '    print(tuple(images.shape), "from", images.min().item(), "to", images.max().item())',
  ];
  return { imports, code };
}
