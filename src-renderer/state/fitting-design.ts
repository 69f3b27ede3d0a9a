import type { ImageSettings } from '../../src-shared/dataset.ts';
import type { Design, Shape } from '../../src-shared/gan/block.ts';
import { formatDesign, parseDesign } from '../../src-shared/gan/design-json.ts';
import { dcgan, presets } from '../../src-shared/gan/presets.ts';
import { formatShape, sameShape } from '../../src-shared/gan/shape.ts';

/** A narrow design that trains on a laptop, for images of any size: a preset where one fits, else made by the presets' rule. */
export function designFor(image: Shape): Design {
  const preset = presets.find(({ design }) => sameShape(design.discriminator.image, image));
  if (preset !== undefined) return preset.design;
  const { height, width, channels } = image;
  const base = Math.max(height, width) > 64 ? 16 : 24;
  const latentDim = Math.max(height, width) > 64 ? 100 : 64;
  return dcgan(`small-${formatShape(image)}`, { height, width, channels }, base, latentDim);
}

/** The same for equal designs, in whatever order their parts were written. */
const canonical = (design: Design) => formatDesign(parseDesign(formatDesign(design)));

/** `small` of `small-32-grey`. */
const familyOf = (name: string) => name.replace(/-\d.*$/, '');

/**
 * What becomes of a design when its images change their size: one that nobody has worked on yet follows, as the preset of its family
 * where there is one. Null: it is a person's own, and stays.
 */
export function followingDesign(design: Design, image: Shape): Design | null {
  const asMade = [...presets.map((preset) => preset.design), designFor(design.discriminator.image)];
  const text = canonical(design);
  if (!asMade.some((made) => canonical(made) === text)) return null;
  const related = presets.find(
    ({ name, design: { discriminator } }) =>
      familyOf(name) === familyOf(design.name) && sameShape(discriminator.image, image),
  );
  return related?.design ?? designFor(image);
}

/** Images in the size that a design looks at. */
export function settingsFor(
  { discriminator: { image } }: Design,
  fit: ImageSettings['fit'] = 'crop',
): ImageSettings | null {
  const { height, width, channels } = image;
  const known = ([1, 2, 3, 4] as const).find((count) => count === channels);
  return known === undefined ? null : { height, width, channels: known, fit };
}
