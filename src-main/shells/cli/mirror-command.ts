/** `ganvas mirror`: the two networks face to face. */
import { existsSync } from 'node:fs';
import type { Activation, Block, Design, Pair } from '../../../src-shared/gan/block.ts';
import { normShort } from '../../../src-shared/gan/norm.ts';
import { check } from '../../../src-shared/gan/check.ts';
import { formatDesign } from '../../../src-shared/gan/design-json.ts';
import type { GeneratorBlock } from '../../../src-shared/gan/mirror.ts';
import { mirror } from '../../../src-shared/gan/mirror.ts';
import { formatShape } from '../../../src-shared/gan/shape.ts';
import { presets } from '../../../src-shared/gan/presets.ts';
import { summary } from '../../../src-shared/gan/summary.ts';
import { designFile, presetDesign, requireSound } from './design-choice.ts';
import type { Words } from './options.ts';
import type { Output } from './output.ts';
import { formatCount, wrap } from './output.ts';

const side = ([height, width]: Pair) => (height === width ? `${height}` : `${height}x${width}`);

function activationText(activation: Activation): string[] {
  if (activation.kind === 'none') return [];
  return [activation.kind === 'leakyRelu' ? `leaky ${activation.slope}` : activation.kind];
}

function partsText(block: Block | GeneratorBlock): string[] {
  return [
    ...(block.bias ? ['bias'] : []),
    ...(block.spectralNorm ? ['SN'] : []),
    ...(block.norm === 'none' ? [] : [normShort[block.norm]]),
    ...activationText(block.activation),
  ];
}

const dropoutText = (block: Block | GeneratorBlock) =>
  block.dropout > 0 ? [`dropout ${block.dropout}`] : [];

function blockText(block: Block): string {
  if (block.kind === 'dense') {
    return [`Dense ${block.outFeatures}`, ...partsText(block), ...dropoutText(block)].join(' ');
  }
  const { kernel, stride, padding, maxPool } = block;
  const pool = maxPool[0] > 1 || maxPool[1] > 1 ? [`pool ${side(maxPool)}`] : [];
  return [
    `Conv ${block.outChannels} k${side(kernel)} s${side(stride)} p${side(padding)}`,
    ...partsText(block),
    ...pool,
    ...dropoutText(block),
  ].join(' ');
}

function mirroredText(block: GeneratorBlock): string {
  if (block.kind === 'dense') {
    return [`Dense ${formatShape(block.output)}`, ...partsText(block), ...dropoutText(block)].join(' ');
  }
  const { kernel, stride, padding, outputPadding, unpool } = block;
  const pool = unpool[0] > 1 || unpool[1] > 1 ? [`unpool ${side(unpool)}`] : [];
  const extra = outputPadding[0] > 0 || outputPadding[1] > 0 ? ` op${side(outputPadding)}` : '';
  return [
    ...pool,
    `ConvT ${block.output.channels} k${side(kernel)} s${side(stride)} p${side(padding)}${extra}`,
    ...partsText(block),
    ...dropoutText(block),
  ].join(' ');
}

/** The table of both networks: a block and its mirror on one row, the tensors between the rows on the axis. */
function mirrorTable(design: Design): string[] {
  const { discriminator, latentDim } = design;
  const generator = mirror(discriminator, latentDim);
  const { discriminator: d, generator: g, stepMultiplyAdds } = summary(design);
  const rows = discriminator.blocks.map((block, i) => {
    const mirrored = generator.blocks[generator.blocks.length - 1 - i]!;
    return {
      left: `${i + 1} ${blockText(block)}`,
      right: mirroredText(mirrored),
      shape: formatShape(d.blocks[i]!.output),
    };
  });
  const left = Math.max(...rows.map((row) => row.left.length), 'DISCRIMINATOR (you edit)'.length);
  const middle =
    Math.max(...rows.map((row) => row.shape.length), formatShape(discriminator.image).length, 5) + 2;
  const centred = (text: string) => text.padStart(Math.floor((middle + text.length) / 2)).padEnd(middle);
  const line = (l: string, m: string, r: string) => `${l.padEnd(left)}  ${centred(m)}  ${r}`.trimEnd();
  return [
    line('DISCRIMINATOR (you edit)', '', 'GENERATOR (the mirror)'),
    line('real image', formatShape(discriminator.image), 'fake image'),
    ...rows.flatMap((row, i) => {
      const last = i === rows.length - 1;
      return [
        line(row.left, '', row.right),
        line(last ? 'verdict (one number)' : '', row.shape, last ? `z, ${latentDim} numbers` : ''),
      ];
    }),
    '',
    line(`${formatCount(d.parameters)} parameters`, '', `${formatCount(g.parameters)} parameters`),
    `${formatCount(stepMultiplyAdds)} multiply-adds for each image of a training step`,
  ];
}

/** The pair as data: for programs. */
function mirrorData(design: Design) {
  const { discriminator, generator, stepMultiplyAdds } = summary(design);
  return {
    type: 'mirror',
    // As a design file: what is taken out of here can be trained as it is.
    design: JSON.parse(formatDesign(design)) as unknown,
    generator: mirror(design.discriminator, design.latentDim),
    parameters: { discriminator: discriminator.parameters, generator: generator.parameters },
    shapes: {
      discriminator: discriminator.blocks.map((block) => formatShape(block.output)),
      generator: generator.blocks.map((block) => formatShape(block.output)),
    },
    stepMultiplyAdds,
  };
}

/** @throws AppError `design.*`, UsageError */
export async function mirrorCommand(words: Words, output: Output): Promise<number> {
  words.allow(['latent'], 1);
  const what = words.argument('a preset or a design file');
  const isPreset = presets.some((preset) => preset.name === what);
  const isFile = !isPreset && (what.endsWith('.json') || existsSync(what));
  const chosen = isFile ? await designFile(what) : presetDesign(what);
  const design = { ...chosen, latentDim: words.integer('latent', 1, 4096) ?? chosen.latentDim };
  requireSound(design);
  const warnings = check(design).map((problem) => problem.message);
  output.json({ ...mirrorData(design), warnings });
  for (const line of mirrorTable(design)) output.line(line);
  for (const warning of warnings) {
    output.line('');
    for (const line of wrap(`Note: ${warning}`)) output.line(line);
  }
  return 0;
}
