import { sameShape } from '../../src-shared/gan/shape.ts';
import type { ExperimentState } from './experiment.svelte.ts';
import type { PlaceName } from './route.ts';

/** What keeps an experiment from being trained, and the place where that can be changed; null when nothing does. */
export function obstacleTo({
  source,
  imageSettings,
  editor,
  images,
}: ExperimentState): { text: string; place: PlaceName } | null {
  if (source === null || imageSettings === null)
    return { text: 'Choose the images that it is to learn from.', place: 'Data' };
  if (editor.pair.problems.some(({ severity }) => severity === 'error'))
    return { text: 'The design does not fit together yet.', place: 'Design' };
  if (!sameShape(editor.design.discriminator.image, imageSettings))
    return { text: 'Images and design differ in size.', place: 'Data' };
  if (images.problem !== null) return { text: 'The images cannot be read.', place: 'Data' };
  if (images.preparing !== null) return { text: 'The images are being prepared.', place: 'Data' };
  return null;
}
