/** The dataset that Ganvas draws itself, for shells that write it or take its name. */
import { identifySource } from '../datasets/sources.ts';
import { isSample } from './intake.ts';

export { writeSampleDataset } from '../datasets/sample/write.ts';

/** Looks at nothing but the name. @throws AppError `dataset.sample` for one that begins like a drawn dataset's and is none */
export async function requireSampleName(source: string): Promise<void> {
  if (isSample(source)) await identifySource(source);
}
