/** Whether a design, a dataset and settings go together: asked by the core before a run is made, and by the trainer before it starts. */
import type { PreparedDataset } from './dataset.ts';
import { AppError } from './errors.ts';
import type { Design } from './gan/block.ts';
import { errorsOf } from './gan/check.ts';
import { formatShape, sameShape } from './gan/shape.ts';
import type { Hyperparameters } from './training.ts';

/** @throws AppError `design.does-not-fit`, `dataset.wrong-shape`, `dataset.fewer-than-batch` */
export function requireTrainable(
  design: Design,
  dataset: PreparedDataset,
  hyperparameters: Hyperparameters,
): void {
  const [problem] = errorsOf(design);
  if (problem !== undefined) {
    const repairs = problem.repairs.map((repair) => repair.label);
    const hint = repairs.length === 0 ? '' : ` Repair: ${repairs.join(', or: ')}.`;
    throw new AppError('design.does-not-fit', `${problem.message}${hint}`, {
      blockId: problem.blockId,
      problem: problem.code,
      repairs,
    });
  }
  const { image } = design.discriminator;
  if (!sameShape(image, dataset.settings)) {
    throw new AppError(
      'dataset.wrong-shape',
      `The design looks at images of ${formatShape(image)}, but the dataset was prepared as ${formatShape(dataset.settings)}. Prepare it again in that size.`,
    );
  }
  const { batch } = hyperparameters;
  if (dataset.count < batch) {
    throw new AppError(
      'dataset.fewer-than-batch',
      `The dataset has ${dataset.count} ${dataset.count === 1 ? 'image' : 'images'}, fewer than a batch of ${batch}. Add images or choose a smaller batch.`,
      { count: dataset.count, batch },
    );
  }
}
