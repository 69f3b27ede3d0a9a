import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApiClient } from '../../src-renderer/state/api-client.svelte.ts';
import { StepTime, type Wanted } from '../../src-renderer/state/step-time.svelte.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { ScriptedCore } from './scripted-core.ts';

let core: ScriptedCore;
let time: StepTime;
const asked: number[] = [];
const wanted = (batch: number, multiplyAdds: number, isFree = true): Wanted => ({
  asked: {
    design: presets[0]!.design,
    hyperparameters: { ...defaultHyperparameters(), batch },
    engine: 'auto',
  },
  multiplyAdds,
  isFree,
});

beforeEach(() => {
  vi.useFakeTimers();
  asked.length = 0;
  core = new ScriptedCore();
  core.script['system.stepTime'] = ({ hyperparameters: { batch } }) => {
    asked.push(batch);
    return { kimgSeconds: batch, engine: 'onnx' };
  };
  time = new StepTime(new ApiClient(core.openPort));
});
afterEach(() => vi.useRealTimers());

it('is measured once the design rests, and estimated for another one until that is measured', async () => {
  time.want(wanted(8, 100))();
  let end = time.want(wanted(16, 100));
  expect(time.time).toBeNull();
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked).toEqual([16]);
  expect(time.time).toEqual({ kimgSeconds: 16, isMeasured: true });
  end();
  end = time.want(wanted(32, 300));
  expect(time.time).toEqual({ kimgSeconds: 48, isMeasured: false });
  await vi.advanceTimersByTimeAsync(2000);
  expect(time.time).toEqual({ kimgSeconds: 32, isMeasured: true });
  end();
  time.want(null);
  expect(time.time).toBeNull();
});

it('is not measured while a run trains, and given up when the design changes', async () => {
  time.want(wanted(8, 100, false));
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked).toEqual([]);
  let given = false;
  core.script['system.stepTime'] = (_, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        given = true;
        reject(new Error('cancelled'));
      });
    });
  const end = time.want(wanted(8, 100));
  await vi.advanceTimersByTimeAsync(2000);
  expect(time.measuring).toBe(true);
  end();
  await vi.advanceTimersByTimeAsync(0);
  expect(given).toBe(true);
  expect(time.measuring).toBe(false);
});
