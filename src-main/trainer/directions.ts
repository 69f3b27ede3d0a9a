/**
 * Directions of the latent space that change the images most: closed-form factorization, SeFa (Shen and Zhou 2021, "Closed-Form
 * Factorization of Latent Semantics in GANs"). The first layer takes z to A z + b, so a movement by the unit vector n changes its output by A n
 * whatever z is; those n that change it most are the eigenvectors of A^T A with the largest eigenvalues (equation 5).
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Design } from '../../src-shared/gan/block.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { maxDirections } from '../../src-shared/latent-point.ts';
import type { GeneratorWeights } from './sampler.ts';

/** Longest z whose directions are looked for: the time goes with its third power, half a second here. */
const maxLatentDim = 512;
/** Share of the largest eigenvalue below which a direction does nothing but for rounding. */
const smallest = 1e-10;

/**
 * A^T A of the first layer's weight, all its axes but that of z taken together as A's rows. Spectral norm divides A by one number, which
 * changes no direction.
 */
function gram(design: Design, weights: GeneratorWeights): Matrix {
  const { latentDim } = design;
  const weight = weights['generator.0.weight']!;
  const rows = weight.length / latentDim;
  const [first] = mirror(design.discriminator, latentDim).blocks;
  // Matrices are [z, outputs], kernels [height, width, outputs, z].
  const [ofRow, ofColumn] = first?.kind === 'dense' ? [1, rows] : [latentDim, 1];
  const product = new Float64Array(latentDim * latentDim);
  for (let row = 0; row < rows; row += 1) {
    for (let i = 0; i < latentDim; i += 1) {
      const factor = weight[row * ofRow + i * ofColumn]!;
      for (let j = 0; j <= i; j += 1) {
        product[i * latentDim + j]! += factor * weight[row * ofRow + j * ofColumn]!;
      }
    }
  }
  const matrix = Matrix.zeros(latentDim, latentDim);
  for (let i = 0; i < latentDim; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      matrix.set(i, j, product[i * latentDim + j]!);
      matrix.set(j, i, product[i * latentDim + j]!);
    }
  }
  return matrix;
}

export interface Direction {
  /** Of length 1; its largest component is positive, so that it is the same wherever it is computed. */
  vector: Float64Array;
  /** How much the first layer's output changes with it, squared. */
  eigenvalue: number;
}

/** The directions of a generator, the strongest first; at most `maxDirections`, and none of a z longer than 512. */
export function directionsOf(design: Design, weights: GeneratorWeights): Direction[] {
  const { latentDim } = design;
  if (latentDim > maxLatentDim) return [];
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(gram(design, weights), {
    assumeSymmetric: true,
  });
  const strongest = Math.max(...realEigenvalues);
  return realEigenvalues
    .map((eigenvalue, i) => ({ eigenvalue, i }))
    .filter(({ eigenvalue }) => eigenvalue > smallest * strongest)
    .sort((a, b) => b.eigenvalue - a.eigenvalue)
    .slice(0, maxDirections)
    .map(({ eigenvalue, i }) => {
      const column = eigenvectorMatrix.getColumn(i);
      const largest = column.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
      return { eigenvalue, vector: Float64Array.from(column, (value) => value * Math.sign(largest)) };
    });
}
