import { describe, expect, test } from 'vitest';
import { combinationProblems } from '../../src-shared/combination.ts';
import { errorsOf } from '../../src-shared/gan/check.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { requireTrainable } from '../../src-shared/readiness.ts';
import type { RecipeName } from '../../src-shared/recipes.ts';
import { recipeOf, recipes, withRecipe } from '../../src-shared/recipes.ts';
import { defaultHyperparameters, noAugmentation } from '../../src-shared/training.ts';

const names = Object.keys(recipes) as RecipeName[];
const [small] = presets;
const plain = { design: small!.design, hyperparameters: defaultHyperparameters() };
const augmented = { ...noAugmentation(), translation: true };
const images = { settings: small!.design.discriminator.image, count: 1000 };

describe('a recipe', () => {
  test.for(names)('%s can be trained as it is, on every preset, without a word of warning', (name) => {
    for (const { design } of presets) {
      const training = withRecipe({ ...plain, design }, name);
      expect(errorsOf(training.design)).toEqual([]);
      expect(combinationProblems(training)).toEqual([]);
    }
  });

  test.for(names)('%s is recognised, whatever came before', (name) => {
    for (const before of names) {
      expect(recipeOf(withRecipe(withRecipe(plain, before), name).hyperparameters)).toBe(name);
    }
  });

  test('what is chosen already moves nothing', () => {
    expect(withRecipe(plain, 'ns')).toEqual({ ...plain, moved: [] });
    const chosen = withRecipe(plain, 'wgan-gp');
    expect(withRecipe(chosen, 'wgan-gp')).toEqual({ ...chosen, moved: [] });
  });

  test('says what it moves', () => {
    const { moved } = withRecipe(plain, 'wgan-gp');
    expect(moved).toEqual(
      expect.arrayContaining([
        'loss: non-saturating → Wasserstein',
        'updates of D a step: 1 → 5',
        'gradient penalty: off → 10',
        'beta2 of G: 0.999 → 0.9',
        'batch norm of the discriminator: layer norm in its place',
      ]),
    );
  });

  test('leaves the generator its batch norm', () => {
    const norms = ({ design }: typeof plain) =>
      mirror(design.discriminator, design.latentDim).blocks.map(({ norm }) => norm);
    for (const name of names) expect(norms(withRecipe(plain, name))).toEqual(norms(plain));
  });
});

describe('what does not go together is refused, and every repair helps', () => {
  const { hyperparameters, design } = plain;
  test.for([
    ['penalty-and-batch-norm', { penalties: { gp: 10, r1: 0, r2: 0, every: 1 } }, 'error'],
    ['penalty-and-batch-norm', { penalties: { gp: 0, r1: 1, r2: 0, every: 1 } }, 'warning'],
    ['smoothing-without-target', { loss: 'hinge', labelSmoothing: 0.1 }, 'error'],
    ['free-critic', { loss: 'wasserstein' }, 'warning'],
    ['too-many-to-move', { batch: 2 ** 14, augmentation: augmented }, 'error'],
    [
      'adapts-to-critic',
      {
        loss: 'wasserstein',
        weightClip: 0.01,
        augmentation: { ...augmented, adaptive: { target: 0.6, kimg: 500 } },
      },
      'warning',
    ],
  ] as const)('%s %o', ([code, changed, severity]) => {
    const training = { design, hyperparameters: { ...hyperparameters, ...changed } };
    const [problem] = combinationProblems(training);
    expect(problem).toMatchObject({ code, severity });
    expect(problem!.repairs.length).toBeGreaterThan(0);
    for (const { training: repaired } of problem!.repairs) {
      expect(combinationProblems(repaired).map((left) => left.code)).not.toContain(code);
      expect(combinationProblems(repaired).filter((left) => left.severity === 'error')).toEqual([]);
    }
    const start = () => requireTrainable(design, images, training.hyperparameters);
    if (severity === 'error') expect(start).toThrow(/Repair: .+/);
    else expect(start).not.toThrow();
  });
});
