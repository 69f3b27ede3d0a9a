/** The pair of networks as PyTorch code; `state-dict.ts` has the names of its tensors. */
import type { Activation, Block, Design, Pair, Shape } from './block.ts';
import type { GeneratorBlock } from './mirror.ts';
import { mirror } from './mirror.ts';
import { groupsOf } from './norm.ts';
import { discriminatorShapes, formatShape, size } from './shape.ts';

/** A layer of a block: its name in the block's `nn.Sequential`, and the expression that makes it. */
type Layer = [name: string, expression: string];

const pythonPair = ([height, width]: Pair) => (height === width ? `${height}` : `(${height}, ${width})`);
const pythonBool = (value: boolean) => (value ? 'True' : 'False');
/** In the order of PyTorch's tensors. */
const pythonShape = ({ channels, height, width }: Shape) => `${channels}, ${height}, ${width}`;
const isPair = (pair: Pair, value: number) => pair[0] === value && pair[1] === value;

const activations: Record<Exclude<Activation['kind'], 'none' | 'leakyRelu'>, string> = {
  relu: 'nn.ReLU()',
  elu: 'nn.ELU()',
  selu: 'nn.SELU()',
  gelu: 'nn.GELU()',
  swish: 'nn.SiLU()',
  sigmoid: 'nn.Sigmoid()',
  tanh: 'nn.Tanh()',
};

function activationLayer(activation: Activation): Layer[] {
  if (activation.kind === 'none') return [];
  if (activation.kind === 'leakyRelu') return [['activation', `nn.LeakyReLU(${activation.slope})`]];
  return [['activation', activations[activation.kind]]];
}

function weighted(block: Block | GeneratorBlock, expression: string): string {
  return block.spectralNorm ? `spectral_norm(${expression})` : expression;
}

/** @param flat whether a sample is a vector there, not an image */
function normLayer(block: Block | GeneratorBlock, channels: number, flat: boolean): Layer[] {
  const groups = groupsOf(block.norm, channels);
  if (groups !== null) return [['norm', `nn.GroupNorm(${groups}, ${channels})`]];
  if (block.norm === 'batch') return [['norm', `nn.BatchNorm${flat ? 1 : 2}d(${channels})`]];
  return block.norm === 'pixel' ? [['norm', 'PixelNorm()']] : [];
}

function dropoutLayer({ dropout }: Block | GeneratorBlock): Layer[] {
  return dropout > 0 ? [['dropout', `nn.Dropout(${dropout})`]] : [];
}

function linearLayer(block: Block | GeneratorBlock, inputs: number, outputs: number): Layer {
  return ['linear', weighted(block, `nn.Linear(${inputs}, ${outputs}, bias=${pythonBool(block.bias)})`)];
}

/** @param next the block behind; undefined behind the last one @param read what the weights see */
function discriminatorLayers(
  block: Block,
  previous: Block | undefined,
  next: Block | undefined,
  read: Shape,
): Layer[] {
  const stddev: Layer[] = block.minibatchStddev ? [['stddev', 'MinibatchStddev()']] : [];
  if (block.kind === 'dense') {
    return [
      ...stddev,
      ...(previous?.kind === 'dense' ? [] : [['flatten', 'nn.Flatten()'] satisfies Layer]),
      linearLayer(block, size(read), block.outFeatures),
      ...normLayer(block, block.outFeatures, true),
      ...activationLayer(block.activation),
      ...dropoutLayer(block),
    ];
  }
  const { outChannels, kernel, stride, padding, bias, maxPool } = block;
  const conv = `nn.Conv2d(${read.channels}, ${outChannels}, kernel_size=${pythonPair(kernel)}, stride=${pythonPair(stride)}, padding=${pythonPair(padding)}, bias=${pythonBool(bias)})`;
  return [
    ...stddev,
    ['conv', weighted(block, conv)],
    ...normLayer(block, outChannels, false),
    ...activationLayer(block.activation),
    ...(isPair(maxPool, 1) ? [] : [['pool', `nn.MaxPool2d(${pythonPair(maxPool)})`] satisfies Layer]),
    ...dropoutLayer(block),
    ...(next === undefined ? [['flatten', 'nn.Flatten()'] satisfies Layer] : []),
  ];
}

function generatorLayers(
  block: GeneratorBlock,
  previous: GeneratorBlock | undefined,
  next: GeneratorBlock | undefined,
): Layer[] {
  const { input, output } = block;
  if (block.kind === 'dense') {
    const flat = next?.kind === 'dense';
    return [
      linearLayer(block, size(input), size(output)),
      ...(flat ? [] : [['unflatten', `nn.Unflatten(1, (${pythonShape(output)}))`] satisfies Layer]),
      ...normLayer(block, output.channels, flat),
      ...activationLayer(block.activation),
      ...dropoutLayer(block),
    ];
  }
  const { unpool, edge, kernel, stride, padding, outputPadding, bias } = block;
  const extra = isPair(outputPadding, 0) ? '' : `output_padding=${pythonPair(outputPadding)}, `;
  const conv = `nn.ConvTranspose2d(${input.channels}, ${output.channels}, kernel_size=${pythonPair(kernel)}, stride=${pythonPair(stride)}, padding=${pythonPair(padding)}, ${extra}bias=${pythonBool(bias)})`;
  // `nearest` takes wrong rows at some scales (41 times, for one), because it rounds 1/scale; `nearest-exact` does not.
  const repeat = `nn.Upsample(scale_factor=${pythonPair(unpool)}, mode="nearest-exact")`;
  return [
    ...(previous === undefined
      ? [['unflatten', `nn.Unflatten(1, (${pythonShape(input)}))`] satisfies Layer]
      : []),
    ...(isPair(unpool, 1) ? [] : [['unpool', repeat] satisfies Layer]),
    ...(isPair(edge, 0)
      ? []
      : [['edge', `nn.ReplicationPad2d((0, ${edge[1]}, 0, ${edge[0]}))`] satisfies Layer]),
    ['conv', weighted(block, conv)],
    ...normLayer(block, output.channels, false),
    ...activationLayer(block.activation),
    ...dropoutLayer(block),
  ];
}

interface CodeBlock {
  comment: string;
  layers: Layer[];
}

function networkClass(name: string, docstring: string, blocks: CodeBlock[]): string[] {
  return [
    `class ${name}(nn.Module):`,
    `    """${docstring}"""`,
    '',
    '    def __init__(self):',
    '        super().__init__()',
    '        self.blocks = nn.Sequential(',
    ...blocks.flatMap(({ comment, layers }) => [
      `            # ${comment}`,
      '            nn.Sequential(OrderedDict(',
      ...layers.map(([layer, expression]) => `                ${layer}=${expression},`),
      '            )),',
    ]),
    '        )',
    '',
    '    def forward(self, x):',
    '        return self.blocks(x)',
  ];
}

const minibatchStddev = [
  'class MinibatchStddev(nn.Module):',
  '    """Another channel: how much the images of the batch differ (ProGAN)."""',
  '',
  '    def forward(self, x):',
  '        deviation = torch.sqrt(x.var(dim=0, unbiased=False) + 1e-8).mean()',
  '        return torch.cat([x, deviation.expand(x[:, :1].shape)], dim=1)',
];

const pixelNorm = [
  'class PixelNorm(nn.Module):',
  '    """Each pixel divided by its length over the channels (ProGAN)."""',
  '',
  '    def forward(self, x):',
  '        return x / torch.sqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)',
];

const weightsInit = [
  'def weights_init(network):',
  '    """DCGAN\'s start: kernels N(0, 0.02), scales of norms N(1, 0.02), shifts and biases 0."""',
  '    for name, parameter in network.named_parameters():',
  '        if parameter.dim() > 1:',
  '            nn.init.normal_(parameter, 0.0, 0.02)',
  '        elif name.endswith("norm.weight"):',
  '            nn.init.normal_(parameter, 1.0, 0.02)',
  '        else:',
  '            nn.init.zeros_(parameter)',
];

/** What stands behind the networks in their file, and the imports that it needs. */
export interface PytorchEnding {
  imports: readonly string[];
  code: readonly string[];
}

const demonstration = [
  'if __name__ == "__main__":',
  '    generator, discriminator = Generator(), Discriminator()',
  '    weights_init(generator)',
  '    weights_init(discriminator)',
  '    images = generator(torch.randn(16, LATENT_DIM))',
  '    print(images.shape, discriminator(images).shape)',
];

/** What a person has called the design, as a comment that ends with its line. */
function comment(text: string): string {
  return `# ${text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')}`.trimEnd();
}

/**
 * Both networks as one Python file for PyTorch 1.11 or later: classes `Discriminator` and `Generator`, `weights_init`, `LATENT_DIM`.
 * Every block is an `nn.Sequential` whose layers have the names `conv` or `linear`, `norm`, `activation`, `pool`, `dropout`.
 * @param ending absent: untrained networks that meet
 * @throws AppError `design.does-not-fit` when the shapes do not run through
 */
export function pytorchCode(
  design: Design,
  ending: PytorchEnding = { imports: [], code: demonstration },
): string {
  const { discriminator, latentDim } = design;
  const { blocks, image } = discriminator;
  const generator = mirror(discriminator, latentDim).blocks;
  const shapes = discriminatorShapes(discriminator);
  const side = blocks.map((block, i): CodeBlock => {
    const { input, read, output } = shapes[i]!;
    return {
      comment: `Block ${i + 1}: ${formatShape(input)} to ${formatShape(output)}`,
      layers: discriminatorLayers(block, blocks[i - 1], blocks[i + 1], read),
    };
  });
  const otherSide = generator.map((block, i): CodeBlock => {
    const mirrored = blocks.length - i;
    return {
      comment: `The mirror of block ${mirrored}: ${formatShape(block.input)} to ${formatShape(block.output)}`,
      layers: generatorLayers(block, generator[i - 1], generator[i + 1]),
    };
  });
  const normalised = [...blocks, ...generator].some((block) => block.spectralNorm);
  const lines = [
    comment(design.name),
    '# A discriminator, and the generator that mirrors it, designed with Ganvas.',
    '# Tensors are [batch, channels, height, width]; Ganvas itself keeps channels last, so matrices beside Flatten and Unflatten have another order there.',
    ...ending.imports,
    'from collections import OrderedDict',
    '',
    'import torch',
    'from torch import nn',
    ...(normalised ? ['from torch.nn.utils.parametrizations import spectral_norm'] : []),
    '',
    `LATENT_DIM = ${latentDim}`,
    '',
    '',
    ...(blocks.some((block) => block.minibatchStddev) ? [...minibatchStddev, '', ''] : []),
    ...([...blocks, ...generator].some((block) => block.norm === 'pixel') ? [...pixelNorm, '', ''] : []),
    ...networkClass(
      'Discriminator',
      `Images [batch, ${pythonShape(image)}], -1 to 1, to verdicts [batch, 1]: logits, above 0 for "real".`,
      side,
    ),
    '',
    '',
    ...networkClass(
      'Generator',
      `z [batch, ${latentDim}], standard normal, to images [batch, ${pythonShape(generator.at(-1)!.output)}].`,
      otherSide,
    ),
    '',
    '',
    ...weightsInit,
    '',
    '',
    ...ending.code,
  ];
  return `${lines.join('\n')}\n`;
}
