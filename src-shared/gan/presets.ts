/** Designs to start from. */
import type { Activation, Block, ConvBlock, Design, Discriminator, NormName, Pair } from './block.ts';
import { convBlock, denseBlock } from './block.ts';

export interface Preset {
  /** What the command line and the files call it. */
  name: string;
  title: string;
  /** What it is good for, in a sentence. */
  description: string;
  design: Design;
}

const leaky: Activation = { kind: 'leakyRelu', slope: 0.2 };

/** From this length on, a side is halved once more. */
const stillLong = 8;

/**
 * DCGAN stops widening here, and its successors do (NVlabs/stylegan2-ada-pytorch training/networks.py, channel_max). Without it 1024
 * pixels would double to 3072 channels and 200 million parameters.
 */
const widest = 512;
/** Up to this length an image starts with `base` channels. */
const fullBaseSide = 128;
const thinnestBase = 8;

/**
 * Channels after the first block. What training keeps in memory and what it computes grow with pixels times channels, and the first
 * blocks have nearly all the pixels. So from 128 pixels on the channels halve as the side doubles, as StyleGAN2's do: 256, 512 and 1024
 * pixels from a base of 24 take 10, 28 and 111 MB an image in a training step, not 18, 71 and 283, and 1, 2 and 11 billion multiply-adds,
 * not 4, 17 and 68. Fewer than 8 would say little more than the colours do.
 */
function stem(base: number, side: number): number {
  const thinned = Math.round((base * fullBaseSide) / side);
  return side <= fullBaseSide ? base : Math.max(thinned, Math.min(base, thinnestBase));
}

/**
 * The DCGAN discriminator of pytorch/tutorials (dcgan_faces_tutorial.py) for any image size: blocks that double the channels, to at
 * most 512, and halve every side of 8 or longer with a kernel of 4 (a shorter side keeps its length with a kernel of 3), then one
 * kernel over all that is left. No bias anywhere, no batch norm on the first and last block.
 * @param base channels after the first block; images of more than 128 pixels get fewer
 */
export function dcgan(name: string, image: Discriminator['image'], base: number, latentDim: number): Design {
  const blocks: Block[] = [];
  let { height, width } = image;
  let outChannels = stem(base, Math.max(height, width));
  do {
    const halved = [height >= stillLong, width >= stillLong] as const;
    const along = (long: number, short: number): Pair => [halved[0] ? long : short, halved[1] ? long : short];
    blocks.push(
      convBlock({
        id: `b${blocks.length + 1}`,
        outChannels,
        kernel: along(4, 3),
        stride: along(2, 1),
        norm: blocks.length > 0 ? 'batch' : 'none',
        activation: leaky,
      }),
    );
    if (halved[0]) height = Math.floor(height / 2);
    if (halved[1]) width = Math.floor(width / 2);
    outChannels = Math.max(outChannels, Math.min(2 * outChannels, widest));
  } while (Math.max(height, width) >= stillLong);
  blocks.push(
    convBlock({
      id: `b${blocks.length + 1}`,
      outChannels: 1,
      kernel: [height, width],
      stride: [1, 1],
      padding: [0, 0],
    }),
  );
  return { name, latentDim, discriminator: { image, blocks } };
}

function square(name: string, resolution: number, channels: number, base: number, latentDim: number): Design {
  return dcgan(name, { height: resolution, width: resolution, channels }, base, latentDim);
}

/** 28 pixels halve to 14 and 7; a 4x4 kernel laid down at every place leaves 4. The mirror comes back through exactly these. */
function digits28(): Design {
  const conv = (id: string, outChannels: number, norm: NormName, window: Partial<ConvBlock> = {}) =>
    convBlock({ id, outChannels, norm, activation: leaky, ...window });
  return {
    name: 'digits-28',
    latentDim: 64,
    discriminator: {
      image: { height: 28, width: 28, channels: 1 },
      blocks: [
        conv('b1', 32, 'none'),
        conv('b2', 64, 'batch'),
        conv('b3', 128, 'batch', { stride: [1, 1], padding: [0, 0] }),
        convBlock({ id: 'b4', outChannels: 1, kernel: [4, 4], stride: [1, 1], padding: [0, 0] }),
      ],
    },
  };
}

/** Two convolutions, then fully connected blocks: every part of a design in its smallest form. */
function dense28(): Design {
  return {
    name: 'dense-28',
    latentDim: 32,
    discriminator: {
      image: { height: 28, width: 28, channels: 1 },
      blocks: [
        convBlock({ id: 'b1', outChannels: 24, activation: leaky }),
        convBlock({ id: 'b2', outChannels: 48, norm: 'batch', activation: leaky }),
        denseBlock({ id: 'b3', outFeatures: 128, bias: false, norm: 'batch', activation: leaky }),
        denseBlock({ id: 'b4', outFeatures: 1 }),
      ],
    },
  };
}

function preset(title: string, description: string, design: Design): Preset {
  return { name: design.name, title, description, design };
}

/** In the order in which a person should see them: the quickest first. */
export const presets: readonly Preset[] = [
  preset('Small 32', 'Colour, 32 pixels, trains in minutes on a laptop.', square('small-32', 32, 3, 24, 64)),
  preset(
    'Small 32 grey',
    'Grey, 32 pixels, trains in minutes on a laptop.',
    square('small-32-grey', 32, 1, 24, 64),
  ),
  preset('Digits 28', 'Grey, 28 pixels: MNIST and its relatives, in their own size.', digits28()),
  preset('Dense 28', 'Grey, 28 pixels, ends in fully connected blocks.', dense28()),
  preset('DCGAN 32', 'Colour, 32 pixels, the classic width.', square('dcgan-32', 32, 3, 64, 100)),
  preset('DCGAN 32 grey', 'Grey, 32 pixels, the classic width.', square('dcgan-32-grey', 32, 1, 64, 100)),
  preset('Small 64', 'Colour, 64 pixels, for a patient laptop.', square('small-64', 64, 3, 24, 64)),
  preset(
    'DCGAN 64',
    'Colour, 64 pixels: the PyTorch tutorial, number for number.',
    square('dcgan-64', 64, 3, 64, 100),
  ),
  preset('DCGAN 64 grey', 'Grey, 64 pixels, the classic width.', square('dcgan-64-grey', 64, 1, 64, 100)),
  preset('Small 128', 'Colour, 128 pixels, narrow.', square('small-128', 128, 3, 16, 100)),
  preset(
    'DCGAN 128',
    'Colour, 128 pixels, the classic width: wants a GPU.',
    square('dcgan-128', 128, 3, 64, 100),
  ),
  preset(
    'DCGAN 128 grey',
    'Grey, 128 pixels, the classic width: wants a GPU.',
    square('dcgan-128-grey', 128, 1, 64, 100),
  ),
];
