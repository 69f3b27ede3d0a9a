/** Designs whose training takes so long that nobody should find out by waiting. */
import type { Design } from './block.ts';
import type { Problem } from './problem.ts';
import { withBlocks } from './problem.ts';
import { formatShape } from './shape.ts';
import { summary } from './summary.ts';

/** Multiply-adds a second of two processor cores: 5 to 15 thousand million were measured, from 1024 pixels down to 32. */
const perSecond = 10e9;
/** Multiply-adds a step and image above which it is said: more than the largest preset has. */
const much = 6e9;

/**
 * What training a design costs, in words; null where it costs no more than usual.
 * @param design one without errors
 * @param batch images a step
 */
export function costInWords(design: Design, batch: number): string | null {
  const { stepMultiplyAdds } = summary(design);
  if (stepMultiplyAdds <= much) return null;
  const seconds = Math.round((stepMultiplyAdds * batch) / perSecond);
  const time = seconds < 120 ? `${Math.max(1, seconds)} seconds` : `${Math.round(seconds / 60)} minutes`;
  return (
    `Images of ${formatShape(design.discriminator.image)} in this design take ${(stepMultiplyAdds / 1e9).toFixed(1)} thousand million multiply-adds each, every step: ` +
    `two processor cores need about ${time} for a step with ${batch} ${batch === 1 ? 'image' : 'images'}, and good images take thousands of steps. ` +
    'Fewer channels or smaller images are many times as fast.'
  );
}

/** The design with so many times fewer channels in all blocks but the last, which gives the verdict. */
function narrower(design: Design, times: number): Design {
  const { blocks } = design.discriminator;
  const fewer = (channels: number) => Math.ceil(channels / times);
  const narrowed = blocks.map((block, index) => {
    if (index === blocks.length - 1) return block;
    return block.kind === 'conv'
      ? { ...block, outChannels: fewer(block.outChannels) }
      : { ...block, outFeatures: fewer(block.outFeatures) };
  });
  return withBlocks(design, narrowed);
}

/** The warning about a design without errors that costs much, for a usual batch of 64. */
export function costly(design: Design): Problem[] {
  const message = costInWords(design, 64);
  if (message === null) return [];
  const times = [2, 4, 8, 16, 32].find((each) => costInWords(narrower(design, each), 64) === null);
  const repairs =
    times === undefined
      ? []
      : [{ label: `Divide the channels by ${times}`, design: narrower(design, times) }];
  return [{ severity: 'warning', code: 'costly', blockId: null, message, repairs }];
}
