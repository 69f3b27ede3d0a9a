/** The curves of a run's quality: what was measured of its checkpoints, beside what real images give. Pure. */
import type { Metric } from '../../../src-shared/library.ts';
import { comparable, measureLabel, protocolInWords } from '../../../src-shared/measures.ts';
import type { Axis, Course, Curves } from '../../charts/curves.ts';
import { measuredCourse } from '../../charts/curves.ts';
import type { Look } from '../../charts/looks.ts';
import { generatorLook } from '../../charts/looks.ts';

interface QualityChart {
  title: string;
  about: string;
  lines: readonly (Look & Course & { label: string })[];
}

const real: Look = { colour: 'text', dash: [6, 4] };
const second: Look = { colour: 'd', dash: [] };
const third: Look = { colour: 'text', dash: [] };
const fourth: Look = { colour: 'text', dash: [2, 3] };

interface Wanted {
  title: string;
  about: string;
  /** Names of measures, each with its line. */
  lines: readonly (readonly [name: string, label: string, look: Look])[];
  /** Name of what real images give. */
  real?: string;
}

const wanted: readonly Wanted[] = [
  {
    title: measureLabel('swd'),
    about:
      'Sliced Wasserstein distance, times 1000: how far small patches of generated images are from those of real ones, at several sizes. Lower is better. The dashed line is what real images give against other real ones: nobody gets below it.',
    lines: [['swd', 'generated', generatorLook]],
    real: 'swd-floor',
  },
  {
    title: measureLabel('ms-ssim'),
    about:
      'How alike two generated images are on average. Well above the dashed line, which is that of real images, the generator draws the same few things again and again.',
    lines: [['ms-ssim', 'generated', generatorLook]],
    real: 'ms-ssim-real',
  },
  {
    title: 'Precision, recall, density, coverage',
    about:
      'By nearest neighbours: precision is the share of generated images that lie among real ones, recall the share of real images that lie among generated ones; density and coverage say the same, less swayed by outliers. Higher is better.',
    lines: [
      ['precision', 'precision', generatorLook],
      ['recall', 'recall', second],
      ['density', 'density', third],
      ['coverage', 'coverage', fourth],
    ],
  },
  {
    title: 'Colour gap',
    about:
      'How far mean and spread of the colours are from those of real images, in levels of 255, for the worst channel. Lower is better.',
    lines: [['colour-gap', 'worst channel', generatorLook]],
  },
  {
    title: 'Copies',
    about:
      'Share of generated images that are nearer to a training image than that is to any other training image. Up to about half is what new images give; near 1, the generator repeats what it has seen.',
    lines: [['copies', 'share', generatorLook]],
  },
  {
    title: 'FID',
    about: 'Frechet distance of Inception features. Lower is better.',
    lines: [['fid', 'FID', generatorLook]],
  },
  {
    title: 'KID',
    about: 'Kernel distance of Inception features. Lower is better.',
    lines: [['kid', 'KID', generatorLook]],
  },
];

/** A line at one height, as long as another one. */
function level(value: number, { at, count }: Course): Course {
  const values = at.map(() => value);
  return { at, count, min: values, max: values, mean: values };
}

/** Charts of what was measured; none of what was not. @param batch images in a step */
export function qualityCharts(
  metrics: readonly Metric[],
  curves: Curves,
  axis: Axis,
  batch: number,
): QualityChart[] {
  return wanted.flatMap(({ title, about, lines, real: realName }) => {
    const drawn = lines.flatMap(([name, label, look]) => {
      const values = comparable(metrics, name);
      return values.length === 0 ? [] : [{ label, ...look, ...measuredCourse(values, curves, axis, batch) }];
    });
    const [first] = drawn;
    const last = comparable(metrics, lines[0]![0]).at(-1);
    if (first === undefined || last === undefined) return [];
    const ofReal = metrics.findLast(
      ({ name, protocol }) => name === realName && protocol['images'] === last.protocol['images'],
    );
    const realLine = ofReal === undefined ? [] : [{ label: 'real', ...real, ...level(ofReal.value, first) }];
    return [
      {
        title,
        about: `${about} Measured with: ${protocolInWords(last.protocol)}.`,
        lines: [...drawn, ...realLine],
      },
    ];
  });
}
