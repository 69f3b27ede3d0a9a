import type { AppError } from '../../src-shared/errors.ts';
import { fromErrorData, toErrorData } from '../../src-shared/errors.ts';
import { sameShape } from '../../src-shared/gan/shape.ts';
import { fittingBatch, requireMemory } from '../../src-shared/memory.ts';
import type { ExperimentState } from './experiment.svelte.ts';
import type { PlaceName } from './route.ts';

export interface Obstacle {
  text: string;
  /** Where it can be changed. */
  place: PlaceName;
  /** A batch with which it is gone; null where that is of no use. */
  batch: number | null;
}

/**
 * What keeps an experiment from being trained; null when nothing does.
 * @param memoryBytes of the machine; null: not known
 */
export function obstacleTo(
  { source, imageSettings, editor, images, hyperparameters }: ExperimentState,
  memoryBytes: number | null,
): Obstacle | null {
  const at = (place: PlaceName, text: string, batch: number | null = null) => ({ text, place, batch });
  if (source === null || imageSettings === null)
    return at('Data', 'Choose the images that it is to learn from.');
  if (editor.pair.problems.some(({ severity }) => severity === 'error'))
    return at('Design', 'The design does not fit together yet.');
  if (!sameShape(editor.design.discriminator.image, imageSettings))
    return at('Data', 'Images and design differ in size.');
  if (images.problem !== null) return at('Data', 'The images cannot be read.');
  if (images.preparing !== null) return at('Data', 'The images are being prepared.');
  const count = images.prepared?.count ?? images.preview?.files ?? null;
  const { batch } = hyperparameters;
  if (count !== null && count < batch) {
    const there = `There ${count === 1 ? 'is 1 image' : `are ${count.toLocaleString('en')} images`}`;
    return at(
      'Data',
      `${there}, fewer than a batch of ${batch}. Add images or take a smaller batch.`,
      // A batch of one image gives batch normalisation nothing to compare.
      count < 2 ? null : powerOfTwo(count),
    );
  }
  const tooLarge = memoryBytes === null ? null : memoryProblem({ editor, hyperparameters }, memoryBytes);
  if (tooLarge === null || memoryBytes === null) return null;
  const fitting = fittingBatch(editor.design, hyperparameters, memoryBytes);
  return at('Design', tooLarge.message, fitting < 2 ? null : powerOfTwo(fitting));
}

/** Why training would not fit into memory; null when it does, and for a design that does not fit together. */
export function memoryProblem(
  { editor, hyperparameters }: Pick<ExperimentState, 'editor' | 'hyperparameters'>,
  memoryBytes: number,
): AppError | null {
  if (editor.pair.totals === null) return null;
  try {
    requireMemory(editor.design, hyperparameters, memoryBytes);
    return null;
  } catch (error) {
    return fromErrorData(toErrorData(error));
  }
}

/** The largest one that is no larger. */
const powerOfTwo = (count: number) => 2 ** Math.floor(Math.log2(count));
