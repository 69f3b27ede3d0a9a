/** Everything that is needed to go on exactly, as a folder: `state.safetensors` and `checkpoint.json`. */
import { hash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { AppError } from '../../src-shared/errors.ts';
import { Design } from '../../src-shared/gan/block.ts';
import { errorsOf } from '../../src-shared/gan/check.ts';
import { stepName } from '../../src-shared/step-name.ts';
import { Hyperparameters } from '../../src-shared/training.ts';
import { makeFolder, writeSynced, writeWhole } from './files.ts';
import type { Arrays } from './parameters.ts';
import { elements, stateTensors } from './parameters.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';

const format = 'ganvas-checkpoint';
const version = 1;
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** What `checkpoint.json` holds. The random state is the seed and the step; the data's order and position are the seed and `imagesSeen`. */
const CheckpointFile = v.strictObject({
  format: v.literal(format),
  version: v.literal(version),
  step: count,
  /** Real images used so far: the position in the endless sequence of shuffled epochs. */
  imagesSeen: count,
  trainingSeconds: v.pipe(v.number(), v.minValue(0)),
  /** How likely augmentation changes an image by now; absent in the first checkpoints, which knew none. */
  augmentProbability: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  seed: count,
  /** With any name: what came from a file that was made before names were checked is as good. */
  design: v.strictObject({ ...Design.entries, name: v.string() }),
  hyperparameters: Hyperparameters,
  /** Fingerprint and size of the dataset that it was trained on. */
  dataset: v.strictObject({ fingerprint: v.string(), count }),
  /** Engine that computed the last step. */
  engine: v.string(),
  /** SHA-256 (hex) of `state.safetensors`; the first checkpoints had none. */
  stateSha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'no SHA-256'))),
});
const Header = v.looseObject({ format: v.literal(format), version: count });

export type CheckpointInfo = Omit<v.InferOutput<typeof CheckpointFile>, 'format' | 'version' | 'stateSha256'>;

export interface Checkpoint {
  info: CheckpointInfo;
  /** Every tensor of `stateTensors`. */
  state: Arrays;
}

const stateFile = 'state.safetensors';
const infoFile = 'checkpoint.json';

const usesEma = (info: CheckpointInfo) => info.hyperparameters.ema.halfLifeKimg !== null;

/**
 * Writes the folder `<parent>/<step>`.
 * @returns the folder and its size
 * @throws AppError `training.not-finite` when the state holds a number that is none: such a checkpoint would be worth nothing; `disk.*`
 */
export async function writeCheckpoint(
  parent: string,
  { info, state }: Checkpoint,
): Promise<{ folder: string; bytes: number }> {
  const tensors = Object.fromEntries(
    stateTensors(info.design, usesEma(info)).map(({ name, shape }) => {
      const values = state[name]!;
      if (!values.every((value) => Number.isFinite(value))) {
        throw new AppError(
          'training.not-finite',
          `After step ${info.step} the tensor ${name} holds numbers that are not finite. Start a new run with lower learning rates; the checkpoints before stay as they are.`,
          { step: info.step, tensor: name },
        );
      }
      return [name, { shape, values }];
    }),
  );
  await makeFolder(parent);
  const folder = join(parent, stepName(info.step));
  const bytes = encodeSafetensors(tensors);
  const stateSha256 = hash('sha256', bytes);
  const json = `${JSON.stringify({ format, version, ...info, stateSha256 }, null, 2)}\n`;
  await writeWhole(folder, 'folder', async (beside) => {
    await writeSynced(join(beside, stateFile), bytes);
    await writeSynced(join(beside, infoFile), json);
  });
  return { folder, bytes: bytes.length + Buffer.byteLength(json) };
}

/** @throws AppError `checkpoint.missing`, `checkpoint.newer`, `checkpoint.damaged` */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const damaged = (why: string) =>
    new AppError('checkpoint.damaged', `The checkpoint ${folder} is damaged: ${why}.`, { folder });
  const [json, bytes] = await readBoth(folder);
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch {
    throw damaged(`${infoFile} is no JSON`);
  }
  const header = v.safeParse(Header, data);
  if (!header.success) throw damaged(`${infoFile} is no checkpoint's description`);
  if (header.output.version > version) {
    throw new AppError(
      'checkpoint.newer',
      `The checkpoint ${folder} was written by a newer Ganvas. Update Ganvas to use it.`,
      { folder },
    );
  }
  const parsed = v.safeParse(CheckpointFile, data);
  if (!parsed.success)
    throw damaged(`${infoFile}: ${v.getDotPath(parsed.issues[0]) ?? ''} ${parsed.issues[0].message}`);
  const { format: _, version: __, stateSha256, ...info } = parsed.output;
  const [problem] = errorsOf(info.design);
  if (problem !== undefined) throw damaged(`${infoFile}: ${problem.message}`);
  if (stateSha256 !== undefined && stateSha256 !== hash('sha256', bytes))
    throw damaged(`${stateFile} is not what was written (its SHA-256 differs)`);
  let stored: ReturnType<typeof decodeSafetensors>;
  try {
    stored = decodeSafetensors(bytes);
  } catch (error) {
    throw damaged(`${stateFile}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const state: Arrays = {};
  for (const { name, shape } of stateTensors(info.design, usesEma(info))) {
    const values = stored[name]?.values;
    if (values?.length !== elements(shape)) throw damaged(`${name} is missing or of the wrong size`);
    state[name] = values;
  }
  return { info, state };
}

async function readBoth(folder: string): Promise<[string, Uint8Array]> {
  try {
    await stat(folder);
    return [await readFile(join(folder, infoFile), 'utf8'), await readFile(join(folder, stateFile))];
  } catch (error) {
    throw new AppError(
      'checkpoint.missing',
      `There is no whole checkpoint in ${folder}. Was the library moved or cleaned by hand?`,
      { folder },
      { cause: error },
    );
  }
}
