/** The design that --preset, --design, --resolution and --grey mean together. */
import { readFile, stat } from 'node:fs/promises';
import { AppError, toErrorData } from '../../../src-shared/errors.ts';
import type { Design } from '../../../src-shared/gan/block.ts';
import { errorsOf } from '../../../src-shared/gan/check.ts';
import { parseDesign } from '../../../src-shared/gan/design-json.ts';
import { dcgan, presets } from '../../../src-shared/gan/presets.ts';
import { formatShape } from '../../../src-shared/gan/shape.ts';
import { didYouMean } from '../../../src-shared/did-you-mean.ts';
import { UsageError } from './usage.ts';

/** Channels after the first block of a design that nobody chose: trains in minutes on a laptop. */
const modestBase = 24;
const modestLatentDim = 64;

/** @throws UsageError naming the presets */
export function presetDesign(name: string): Design {
  const found = presets.find((preset) => preset.name === name);
  if (found !== undefined) return found.design;
  const names = presets.map((preset) => preset.name);
  throw new UsageError(
    `There is no preset "${name}".${didYouMean(name, names)} There are: ${names.join(', ')}.`,
  );
}

/** Bytes of a design file; those of the presets have a few thousand. */
const mostBytes = 1_000_000;

/** What keeps a path from being read as a design; reading a pipe would wait for ever, reading a device never end. */
async function obstacle(path: string): Promise<string | null> {
  const found = await stat(path);
  if (!found.isFile()) return 'it is no regular file';
  return found.size > mostBytes ? `it is larger than a design ever is, ${mostBytes / 1e6} MB` : null;
}

/** @throws AppError `design.unreadable`, and what `parseDesign` throws, naming the file */
export async function designFile(path: string): Promise<Design> {
  const unreadable = (why: string, cause?: unknown) =>
    new AppError(
      'design.unreadable',
      why === 'ENOENT'
        ? `There is no design file ${path}. ${presets.some(({ name }) => name === path) ? `That is a preset: say --preset ${path}.` : 'Check the path.'}`
        : `The design file ${path} cannot be read (${why}). Check that it is a file and that you may read it.`,
      { path },
      { cause },
    );
  let text: string;
  try {
    const why = await obstacle(path);
    if (why !== null) throw unreadable(why);
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw unreadable(error instanceof Error && 'code' in error ? String(error.code) : String(error), error);
  }
  try {
    return parseDesign(text);
  } catch (error) {
    const { code, message, details } = toErrorData(error);
    throw new AppError(code, `${path}: ${message}`, { ...details, path }, { cause: error });
  }
}

/**
 * Refuses a design that cannot be trained, with everything that is wrong with it.
 * @throws AppError `design.does-not-fit`
 */
export function requireSound(design: Design): void {
  const problems = errorsOf(design);
  if (problems.length === 0) return;
  const lines = problems.map(({ message, repairs }) => {
    const [first, ...others] = repairs.map((repair) => repair.label);
    return first === undefined ? message : `${message} Repair: ${[first, ...others].join(', or: ')}.`;
  });
  throw new AppError(
    'design.does-not-fit',
    `The design "${design.name}" cannot be trained.\n${lines.join('\n')}`,
    {
      problems: problems.map(({ code, blockId, message }) => ({ code, blockId, message })),
    },
  );
}

/** `64` or `48x64` (height first). @throws UsageError */
function parseResolution(text: string): { height: number; width: number } {
  const match = /^(\d{1,4})(?:x(\d{1,4}))?$/.exec(text);
  const height = Number(match?.[1]);
  const width = Number(match?.[2] ?? match?.[1]);
  const fits = (side: number) => side >= 4 && side <= 1024;
  if (match !== null && fits(height) && fits(width)) return { height, width };
  throw new UsageError(
    `--resolution must be a number of pixels from 4 to 1024, or HEIGHTxWIDTH, not "${text}".`,
  );
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
 * @throws UsageError, AppError `design.*`; what it gives can be trained
 */
export async function chooseDesign(choice: DesignChoice): Promise<Design> {
  if (choice.preset !== undefined && choice.design !== undefined) {
    throw new UsageError('Give either --preset or --design, not both.');
  }
  const size = choice.resolution === undefined ? undefined : parseResolution(choice.resolution);
  const chosen = choice.design === undefined ? undefined : await designFile(choice.design);
  const named = chosen ?? (choice.preset === undefined ? undefined : presetDesign(choice.preset));
  if (named === undefined) {
    const image = { ...(size ?? { height: 32, width: 32 }), channels: choice.grey ? 1 : 3 };
    const design = dcgan(`DCGAN ${formatShape(image)}`, image, modestBase, modestLatentDim);
    requireSound(design);
    return design;
  }
  requireSound(named);
  const { discriminator } = named;
  const image = { ...discriminator.image, ...size, channels: choice.grey ? 1 : discriminator.image.channels };
  const design = { ...named, discriminator: { ...discriminator, image } };
  const [problem] = errorsOf(design);
  if (problem !== undefined) {
    throw new AppError(
      'design.resolution',
      `The design "${named.name}" is made for ${formatShape(discriminator.image)} and cannot take ${formatShape(image)}: ${problem.message} Choose a design of that size, or leave --preset and --design out to get one made for it.`,
      { blockId: problem.blockId, problem: problem.code },
    );
  }
  return design;
}
