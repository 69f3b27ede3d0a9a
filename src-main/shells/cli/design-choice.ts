/** The design that --preset, --design, --resolution and --grey mean together. */
import { readFile } from 'node:fs/promises';
import { AppError } from '../../../src-shared/errors.ts';
import type { Design } from '../../../src-shared/gan/block.ts';
import { errorsOf } from '../../../src-shared/gan/check.ts';
import { parseDesign } from '../../../src-shared/gan/design-json.ts';
import { dcgan, presets } from '../../../src-shared/gan/presets.ts';
import { formatShape } from '../../../src-shared/gan/shape.ts';
import { UsageError } from './usage.ts';

/** Channels after the first block of a design that nobody chose: trains in minutes on a laptop. */
const modestBase = 24;
const modestLatentDim = 64;

/** @throws UsageError naming the presets */
export function presetDesign(name: string): Design {
  const found = presets.find((preset) => preset.name === name);
  if (found !== undefined) return found.design;
  throw new UsageError(`There is no preset "${name}". There are: ${presets.map((preset) => preset.name).join(', ')}.`);
}

/** @throws AppError `design.unreadable`, and what `parseDesign` throws */
export async function designFile(path: string): Promise<Design> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError(
      'design.unreadable',
      `The design ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      { path },
      { cause: error },
    );
  }
  return parseDesign(text);
}

/** `64` or `48x64` (height first). @throws UsageError */
export function parseResolution(text: string): { height: number; width: number } {
  const match = /^(\d{1,4})(?:x(\d{1,4}))?$/.exec(text);
  const height = Number(match?.[1]);
  const width = Number(match?.[2] ?? match?.[1]);
  const fits = (side: number) => side >= 4 && side <= 1024;
  if (match !== null && fits(height) && fits(width)) return { height, width };
  throw new UsageError(`--resolution must be a number of pixels from 4 to 1024, or HEIGHTxWIDTH, not "${text}".`);
}

export interface DesignChoice {
  preset: string | undefined;
  /** Path of a design file. */
  design: string | undefined;
  resolution: string | undefined;
  grey: boolean;
}

/**
 * A preset or a file is taken as it is, for another resolution or colour if that fits. Without either, a DCGAN of modest width
 * for the resolution, 32 pixels unless given.
 * @throws UsageError, AppError `design.*`
 */
export async function chooseDesign(choice: DesignChoice): Promise<Design> {
  if (choice.preset !== undefined && choice.design !== undefined) {
    throw new UsageError('Give either --preset or --design, not both.');
  }
  const size = choice.resolution === undefined ? undefined : parseResolution(choice.resolution);
  if (choice.preset === undefined && choice.design === undefined) {
    const image = { ...(size ?? { height: 32, width: 32 }), channels: choice.grey ? 1 : 3 };
    return dcgan(`DCGAN ${formatShape(image)}`, image, modestBase, modestLatentDim);
  }
  const chosen = choice.preset === undefined ? await designFile(choice.design!) : presetDesign(choice.preset);
  const { discriminator } = chosen;
  const image = { ...discriminator.image, ...size, channels: choice.grey ? 1 : discriminator.image.channels };
  const design = { ...chosen, discriminator: { ...discriminator, image } };
  const [problem] = errorsOf(design);
  if (problem !== undefined && errorsOf(chosen).length === 0) {
    throw new AppError(
      'design.resolution',
      `The design "${chosen.name}" is made for ${formatShape(discriminator.image)} and cannot take ${formatShape(image)}: ${problem.message} Choose a design of that size, or leave --preset and --design out to get one made for it.`,
      { blockId: problem.blockId },
    );
  }
  return design;
}
