import { expect, test, vi } from 'vitest';
import { ResourceMeter } from '../../src-main/trainer/resources.ts';

test('what a process uses is told every two seconds, as a share of all cores since then', () => {
  const reading = { time: 1000, cpuTime: 500, memoryBytes: 1e8 };
  const meter = new ResourceMeter(() => ({ ...reading }), 4);
  reading.time = 2999;
  expect(meter.measure()).toBeNull();
  Object.assign(reading, { time: 3000, cpuTime: 4500, memoryBytes: 2e8 });
  expect(meter.measure()).toEqual({ cpu: 0.5, memoryBytes: 2e8 });
  Object.assign(reading, { time: 4999, cpuTime: 9000 });
  expect(meter.measure()).toBeNull();
  // The clocks of the processor and of the wall are read one after the other: never more than all of it.
  Object.assign(reading, { time: 5000, cpuTime: 12_501 });
  expect(meter.measure()).toEqual({ cpu: 1, memoryBytes: 2e8 });
});

test('this process is read', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const meter = new ResourceMeter();
    vi.advanceTimersByTime(2000);
    const measured = meter.measure();
    expect(measured?.memoryBytes).toBeGreaterThan(1e7);
    expect(measured?.cpu).toBeGreaterThan(0);
  } finally {
    vi.useRealTimers();
  }
});
