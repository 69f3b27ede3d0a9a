/** Whether a design, a dataset and settings go together: asked by the core before a run is made, and by the trainer before it starts. */
import { combinationProblems } from './combination.ts';
import { AppError } from './errors.ts';
import type { Design, Shape } from './gan/block.ts';
import { errorsOf } from './gan/check.ts';
import { mirror } from './gan/mirror.ts';
import { discriminatorShapes, formatShape, sameShape } from './gan/shape.ts';
import type { Hyperparameters } from './training.ts';

/** Whether some batch norm sees a single value a channel when the batch is one image: it would always answer the same. */
function normalisesSingleValues(design: Design): boolean {
  const { blocks } = design.discriminator;
  const inDiscriminator = discriminatorShapes(design.discriminator).some(
    ({ convolved: { height, width } }, i) => blocks[i]!.norm === 'batch' && height * width === 1,
  );
  const generator = mirror(design.discriminator, design.latentDim);
  return (
    inDiscriminator ||
    generator.blocks.some(({ norm, output }) => norm === 'batch' && output.height * output.width === 1)
  );
}

/**
 * @throws AppError `design.does-not-fit`, `training.combination`, `dataset.wrong-shape`, `dataset.fewer-than-batch`, `training.batch-of-one`
 */
export function requireTrainable(
  design: Design,
  dataset: { settings: Shape; count: number },
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
  const [clash] = combinationProblems({ design, hyperparameters });
  if (clash?.severity === 'error') {
    const repairs = clash.repairs.map((repair) => repair.label);
    throw new AppError('training.combination', `${clash.message} Repair: ${repairs.join(', or: ')}.`, {
      problem: clash.code,
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
  if (batch === 1 && normalisesSingleValues(design)) {
    throw new AppError(
      'training.batch-of-one',
      'Batch normalisation needs more than one value to compare, and a batch of 1 gives it a single one. Choose a batch of 2 or more, or switch batch normalisation off where the image has shrunk to 1x1.',
      { batch },
    );
  }
}
