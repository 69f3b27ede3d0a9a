/** Settings and designs that do not go together, each with a reason and with repairs. What is wrong with a design alone: gan/check.ts. */
import type { Block, Design } from './gan/block.ts';
import { withBlocks } from './gan/problem.ts';
import type { Hyperparameters } from './training.ts';
import { isAugmented } from './training.ts';

/** What is trained and how: the two halves that have to fit. */
export interface Training {
  design: Design;
  hyperparameters: Hyperparameters;
}

export interface CombinationProblem {
  /** An error makes training impossible or senseless; a warning is advice. */
  severity: 'error' | 'warning';
  /** Stable name, such as `penalty-and-batch-norm`. */
  code: string;
  message: string;
  /** The best one first. */
  repairs: { label: string; training: Training }[];
}

const normalised = ({ norm }: Block) => norm === 'batch';

/**
 * The design without batch norm in its discriminator; the generator, which mirrors it, keeps its own. Where nothing takes its place,
 * blocks get a bias for the shift that they lose.
 * @param instead layer norm where batch norm was, spectral norm in every block and no other norm of whole layers, or nothing
 */
export function withoutBatchNorm(design: Design, instead: 'none' | 'layer' | 'spectral'): Design {
  return withBlocks(
    design,
    design.discriminator.blocks.map((block, i): Block => {
      if (instead === 'layer') return normalised(block) ? { ...block, norm: 'layer' } : block;
      const spectralNorm = instead === 'spectral' || block.spectralNorm;
      if (!normalised(block) && block.norm !== 'layer') return { ...block, spectralNorm };
      // The first block's mirror gives the image, which is not normalised.
      const mirror = { norm: i > 0 ? ('batch' as const) : ('none' as const), ...block.mirror };
      return { ...block, norm: 'none', bias: true, spectralNorm, mirror };
    }),
  );
}

type Rule = (training: Training) => CombinationProblem[];

const penaltyAndBatchNorm: Rule = ({ design, hyperparameters }) => {
  const { gp, r1, r2 } = hyperparameters.penalties;
  if (gp + r1 + r2 === 0 || !design.discriminator.blocks.some(normalised)) return [];
  const why =
    'batch normalisation lets every image of a batch change the verdict on all others, so there is no gradient of one image alone';
  return [
    {
      severity: gp > 0 ? 'error' : 'warning',
      code: 'penalty-and-batch-norm',
      message: `A gradient penalty wants a discriminator that judges each image for itself: ${why}${gp > 0 ? '' : ', and the penalty then holds back something else'}.`,
      repairs: [
        {
          label: 'Use layer normalisation in the discriminator',
          training: { design: withoutBatchNorm(design, 'layer'), hyperparameters },
        },
        {
          label: 'Switch batch normalisation off there',
          training: { design: withoutBatchNorm(design, 'none'), hyperparameters },
        },
        {
          label: 'Switch the penalties off',
          training: {
            design,
            hyperparameters: {
              ...hyperparameters,
              penalties: { ...hyperparameters.penalties, gp: 0, r1: 0, r2: 0 },
            },
          },
        },
      ],
    },
  ];
};

const smoothingWithoutTarget: Rule = ({ design, hyperparameters }) => {
  const { loss, labelSmoothing } = hyperparameters;
  if (labelSmoothing === 0 || loss === 'ns' || loss === 'ls') return [];
  return [
    {
      severity: 'error',
      code: 'smoothing-without-target',
      message: `Label smoothing moves the number that reals are to be judged as, and the ${loss} loss has none: it wants reals as high as possible.`,
      repairs: [
        {
          label: 'Switch label smoothing off',
          training: { design, hyperparameters: { ...hyperparameters, labelSmoothing: 0 } },
        },
        {
          label: 'Use the non-saturating loss',
          training: { design, hyperparameters: { ...hyperparameters, loss: 'ns' } },
        },
      ],
    },
  ];
};

const freeCritic: Rule = ({ design, hyperparameters }) => {
  const { loss, weightClip, penalties } = hyperparameters;
  const { gp, r1, r2 } = penalties;
  const held = design.discriminator.blocks.every(({ spectralNorm }) => spectralNorm);
  if (loss !== 'wasserstein' || held || weightClip !== null || gp + r1 + r2 > 0) return [];
  return [
    {
      severity: 'warning',
      code: 'free-critic',
      message:
        'With the Wasserstein loss something must hold the discriminator back, or its verdicts grow without end: a gradient penalty, clipped weights, or spectral norm in every block.',
      repairs: [
        {
          label: 'Use a gradient penalty of 10',
          training: {
            design: withoutBatchNorm(design, 'layer'),
            hyperparameters: { ...hyperparameters, penalties: { ...penalties, gp: 10 } },
          },
        },
        {
          label: 'Clip the weights to ±0.01',
          training: { design, hyperparameters: { ...hyperparameters, weightClip: 0.01 } },
        },
      ],
    },
  ];
};

/** Whole numbers that a 32-bit float holds: pixels are told by their number (src-main/trainer/augment.ts). */
const mostPixels = 2 ** 24;

const tooManyToMove: Rule = ({ design, hyperparameters }) => {
  const { augmentation, batch } = hyperparameters;
  const { height, width } = design.discriminator.image;
  if (!augmentation.translation || batch * height * width < mostPixels) return [];
  const fitting = Math.floor((mostPixels - 1) / (height * width));
  const repairs = [
    ...(fitting < 1
      ? []
      : [
          {
            label: `Use a batch of ${fitting}`,
            training: { design, hyperparameters: { ...hyperparameters, batch: fitting } },
          },
        ]),
    {
      label: 'Do not move images',
      training: {
        design,
        hyperparameters: { ...hyperparameters, augmentation: { ...augmentation, translation: false } },
      },
    },
  ];
  return [
    {
      severity: 'error',
      code: 'too-many-to-move',
      message: `Augmentation can move images while a batch has fewer than ${mostPixels.toLocaleString('en')} pixels in all; ${batch} of ${height}×${width} are more.`,
      repairs,
    },
  ];
};

const adaptsToCritic: Rule = ({ design, hyperparameters }) => {
  const { augmentation, loss } = hyperparameters;
  if (augmentation.adaptive === null || !isAugmented(augmentation) || loss !== 'wasserstein') return [];
  return [
    {
      severity: 'warning',
      code: 'adapts-to-critic',
      message:
        'Augmentation adapts by the sign of the verdicts on reals, and with the Wasserstein loss only differences between verdicts mean something: the probability may run to 0 or 1.',
      repairs: [
        {
          label: 'Let it stay at 0.5',
          training: {
            design,
            hyperparameters: {
              ...hyperparameters,
              augmentation: { ...augmentation, adaptive: null, probability: 0.5 },
            },
          },
        },
      ],
    },
  ];
};

/** Errors first. @param training its design has no errors of its own */
export function combinationProblems(training: Training): CombinationProblem[] {
  const rules = [penaltyAndBatchNorm, smoothingWithoutTarget, freeCritic, tooManyToMove, adaptsToCritic];
  const found = rules.flatMap((rule) => rule(training));
  return [
    ...found.filter(({ severity }) => severity === 'error'),
    ...found.filter(({ severity }) => severity === 'warning'),
  ];
}
