import { describe, expect, it, vi } from 'vitest';
import { Drawing } from '../../src-renderer/state/drawing.svelte.ts';
import type { Drawn } from '../../src-renderer/state/explorer.svelte.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { LatentPoint } from '../../src-shared/latent-point.ts';

const seed = (number: number): LatentPoint[] => [{ kind: 'seed', seed: number }];

/** A drawing whose generator answers when it is told to. */
function slowDrawing() {
  const asked: { points: readonly LatentPoint[]; answer: PromiseWithResolvers<Drawn> }[] = [];
  const loaded: string[] = [];
  const drawing = new Drawing(
    {
      draw(points) {
        const answer = Promise.withResolvers<Drawn>();
        asked.push({ points, answer });
        return answer.promise;
      },
    },
    async (src) => void loaded.push(src),
  );
  const answer = (i: number, src: string) =>
    asked[i]!.answer.resolve({ src, explorer: 'x', columns: 1, points: asked[i]!.points });
  return { drawing, asked, loaded, answer };
}

describe('a drawing', () => {
  it('has one request under way, and of those that come meanwhile draws only the last', async () => {
    const { drawing, asked, loaded, answer } = slowDrawing();
    for (const number of [1, 2, 3, 4]) drawing.want('x', seed(number), 1);
    expect(asked.map(({ points }) => points)).toEqual([seed(1)]);
    answer(0, 'a');
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(asked[1]!.points).toEqual(seed(4));
    expect(drawing.shown?.src).toBe('a');
    expect(drawing.busy).toBe(true);
    answer(1, 'b');
    await vi.waitFor(() => expect(drawing.busy).toBe(false));
    expect(drawing.shown?.src).toBe('b');
    expect(loaded).toEqual(['a', 'b']);
  });

  it('does not draw the same again, but does with another generator', async () => {
    const { drawing, asked, answer } = slowDrawing();
    drawing.want('x', seed(1), 1);
    drawing.want('x', seed(1), 1);
    answer(0, 'a');
    await vi.waitFor(() => expect(drawing.busy).toBe(false));
    drawing.want('x', seed(1), 1);
    expect(asked).toHaveLength(1);
    drawing.want('y', seed(1), 1);
    expect(asked).toHaveLength(2);
  });

  it('comes back to what it is drawing, and forgets what was wanted in between', async () => {
    const { drawing, asked, answer } = slowDrawing();
    drawing.want('x', seed(1), 1);
    drawing.want('x', seed(2), 1);
    drawing.want('x', seed(1), 1);
    answer(0, 'a');
    await vi.waitFor(() => expect(drawing.busy).toBe(false));
    expect(asked).toHaveLength(1);
    expect(drawing.shown?.src).toBe('a');
  });

  it('says what went wrong, keeps the picture before, and tries again when asked again', async () => {
    const { drawing, asked, answer } = slowDrawing();
    drawing.want('x', seed(1), 1);
    answer(0, 'a');
    await vi.waitFor(() => expect(drawing.busy).toBe(false));
    drawing.want('x', seed(2), 1);
    asked[1]!.answer.reject(new AppError('explore.too-large', 'Too large.'));
    await vi.waitFor(() => expect(drawing.problem?.code).toBe('explore.too-large'));
    expect(drawing.shown?.src).toBe('a');
    drawing.want('x', seed(2), 1);
    answer(2, 'b');
    await vi.waitFor(() => expect(drawing.shown?.src).toBe('b'));
    expect(drawing.problem).toBeNull();
  });
});
