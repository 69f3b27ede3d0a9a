import { describe, expect, it } from 'vitest';
import { append, measuredCourse, noCurves, smooth } from '../../src-renderer/charts/curves.ts';
import { qualityCharts } from '../../src-renderer/features/train/quality.ts';
import type { Metric } from '../../src-shared/library.ts';

const curves = append(
  noCurves,
  [1, 2, 3, 4].map((step) => ({ step, lossD: 1, lossG: 1, dReal: 1, dFake: 0, imagesPerSecond: 8 })),
  16,
);
const metric = (step: number, name: string, value: number, images = 64): Metric => ({
  step,
  name,
  value,
  protocol: { images, seed: 0 },
});

describe('curves of quality', () => {
  it('are there for what was measured, with how it was measured and what real images give', () => {
    const metrics = [
      metric(2, 'swd', 30),
      metric(2, 'swd-floor', 4),
      metric(4, 'swd', 20),
      metric(4, 'swd', 50, 32),
    ];
    const [chart, ...others] = qualityCharts(metrics, curves, 'step', 16);
    expect(others).toEqual([]);
    expect(chart!.about).toContain('images 64, seed 0');
    expect(chart!.lines.map(({ label, at, mean }) => [label, at, mean])).toEqual([
      ['generated', [2, 4], [30, 20]],
      ['real', [2, 4], [4, 4]],
    ]);
    expect(qualityCharts([], curves, 'step', 16)).toEqual([]);
  });

  it('lie along every axis where their steps are', () => {
    const values = [metric(2, 'swd', 30), metric(9, 'swd', 10)];
    expect(measuredCourse(values, curves, 'step', 16).at).toEqual([2, 9]);
    expect(measuredCourse(values, curves, 'kimg', 16).at).toEqual([0.032, 0.144]);
    // Of a step that no curve knows yet the time is not known.
    expect(measuredCourse(values, curves, 'time', 16).at).toEqual([4]);
  });

  it('are not smoothed: each point was measured by itself', () => {
    const { mean, count } = measuredCourse([metric(2, 'swd', 30), metric(4, 'swd', 10)], curves, 'step', 16);
    expect(smooth([...mean], [...count], 0.99)).toEqual([30, 10]);
  });
});
