import { describe, expect, test } from 'vitest';
import { check, errorsOf } from '../../src-shared/gan/check.ts';
import { costInWords } from '../../src-shared/gan/cost.ts';
import { dcgan, presets } from '../../src-shared/gan/presets.ts';
import { summary } from '../../src-shared/gan/summary.ts';

const large = dcgan('large', { height: 1024, width: 1024, channels: 3 }, 24, 64);

describe('what training costs', () => {
  test('is said of a design of 1024 pixels, with a repair that makes it cheaper', () => {
    const problems = check(large);
    const costly = problems.filter(({ code }) => code === 'costly');
    expect(costly).toMatchObject([{ severity: 'warning', blockId: null }]);
    const [{ message, repairs }] = costly as [(typeof costly)[number]];
    expect(message).toContain(
      'Images of 1024x1024x3 in this design take 10.5 thousand million multiply-adds',
    );
    // 10.5e9 * 64 / 10e9 seconds.
    expect(message).toContain('about 67 seconds for a step with 64 images');
    const [{ design }] = repairs as [(typeof repairs)[number]];
    expect(errorsOf(design)).toEqual([]);
    expect(check(design)).toEqual([]);
    expect(summary(design).stepMultiplyAdds).toBeLessThan(summary(large).stepMultiplyAdds / 1.5);
  });

  test('is told for the batch that is wanted', () => {
    expect(costInWords(large, 1)).toContain('about 1 seconds for a step with 1 image,');
    expect(costInWords(large, 512)).toContain('about 9 minutes for a step with 512 images');
  });

  test('is not spoken of where it is usual: no preset, and not 512 pixels with few channels', () => {
    for (const { design } of presets) expect(costInWords(design, 64)).toBeNull();
    expect(costInWords(dcgan('x', { height: 512, width: 512, channels: 3 }, 24, 64), 64)).toBeNull();
  });

  test('is not asked of a design whose shapes do not run through', () => {
    const { discriminator } = large;
    const broken = { ...large, discriminator: { ...discriminator, blocks: [] } };
    expect(check(broken).map(({ code }) => code)).toEqual(['no-blocks']);
  });
});
