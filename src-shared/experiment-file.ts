/** An experiment as a file to be given away: its design and settings, versioned JSON without images, weights or code. */
import * as v from 'valibot';
import { ImageSettings } from './dataset.ts';
import { AppError } from './errors.ts';
import { Design } from './gan/block.ts';
import { defaultMeasuring, Measuring } from './measures.ts';
import { EngineName, Hyperparameters, Limits } from './training.ts';

const format = 'ganvas-experiment';
const version = 1;

/** Ending of its name. */
export const experimentEnding = 'ganvas';

/** Longest file in bytes that is read: many times what the largest design needs. */
export const maxExperimentFile = 2 ** 20;

const content = {
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(200)),
  design: Design,
  hyperparameters: Hyperparameters,
  /** The first files had none. */
  measuring: v.optional(Measuring, defaultMeasuring),
  limits: Limits,
  engine: EngineName,
  imageSettings: v.nullable(ImageSettings),
};
const Content = v.object(content);
export type ExperimentFile = v.InferOutput<typeof Content>;

const Header = v.looseObject({
  format: v.literal(format),
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
});
const File = v.strictObject({ format: v.literal(format), version: v.literal(version), ...content });

/** The experiment as a JSON text; whatever else an experiment has stays here, where its images lie for one. */
export function formatExperiment(experiment: ExperimentFile): string {
  return `${JSON.stringify({ format, version, ...v.parse(Content, experiment) }, null, 2)}\n`;
}

/**
 * Reads what {@link formatExperiment} wrote.
 * @throws AppError `experiment-file.too-large`, `experiment-file.not-one`, `experiment-file.newer`, `experiment-file.invalid` (with the place)
 */
export function parseExperiment(text: string): ExperimentFile {
  if (text.length > maxExperimentFile) {
    throw new AppError(
      'experiment-file.too-large',
      `This file is too large for a Ganvas experiment: ${maxExperimentFile} characters are the limit.`,
    );
  }
  const header = v.safeParse(Header, fromJson(text));
  if (!header.success) {
    throw new AppError(
      'experiment-file.not-one',
      'This file is no Ganvas experiment. Those that "Save experiment as a file" writes are.',
    );
  }
  if (header.output.version > version) {
    throw new AppError(
      'experiment-file.newer',
      `This experiment was saved by a newer Ganvas (format ${header.output.version}, this one reads up to ${version}). Update Ganvas to open it.`,
    );
  }
  const file = v.safeParse(File, header.output);
  if (file.success) {
    const { format: _, version: __, ...experiment } = file.output;
    return experiment;
  }
  const issue = file.issues[0];
  const place = v.getDotPath(issue) ?? 'the file';
  throw new AppError('experiment-file.invalid', `The file is damaged at ${place}: ${issue.message}.`, {
    place,
  });
}

function fromJson(text: string): unknown {
  try {
    // Some editors put a byte order mark in front.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
}
