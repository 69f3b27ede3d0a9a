import { describe, expect, it } from 'vitest';
import { Live } from '../../src-renderer/state/live.ts';
import type { ApiEvent } from '../../src-shared/api.ts';

const sample = (step: number): ApiEvent => ({ type: 'sample', run: 'r', step, count: 1, columns: 1 });

/** A list of steps on a core whose answers a test gives by hand. */
function scripted() {
  const asked: PromiseWithResolvers<number[]>[] = [];
  let known: number[] = [];
  const live = new Live<number[]>({
    read: () => {
      const answer = Promise.withResolvers<number[]>();
      asked.push(answer);
      return answer.promise;
    },
    take: (steps) => {
      known = steps;
    },
    hear: (event) => {
      if (event.type === 'sample' && !known.includes(event.step)) known = [...known, event.step];
    },
  });
  return { asked, live, known: () => known };
}

describe('what is kept in step', () => {
  it('has the snapshot and what was told while it was on its way, once', async () => {
    const { asked, live, known } = scripted();
    const loaded = live.load();
    live.hear(sample(2));
    live.hear(sample(3));
    asked[0]!.resolve([1, 2]);
    await loaded;
    expect(known()).toEqual([1, 2, 3]);
    live.hear(sample(4));
    expect(known()).toEqual([1, 2, 3, 4]);
  });

  it('reads once more when it is asked again meanwhile, and loses no event of either time', async () => {
    const { asked, live, known } = scripted();
    const both = Promise.all([live.load(), live.load(), live.load()]);
    live.hear(sample(5));
    asked[0]!.resolve([1]);
    await expect.poll(() => asked.length).toBe(2);
    live.hear(sample(6));
    asked[1]!.resolve([1, 5]);
    await both;
    expect(known()).toEqual([1, 5, 6]);
    expect(asked).toHaveLength(2);
  });

  it('can be read again after reading has failed', async () => {
    const { asked, live, known } = scripted();
    const failed = live.load();
    asked[0]!.reject(new Error('gone'));
    await expect(failed).rejects.toThrow('gone');
    const loaded = live.load();
    asked[1]!.resolve([7]);
    await loaded;
    expect(known()).toEqual([7]);
  });
});
