/**
 * The Frechet distance of two sets of features taken as normal distributions (Heusel et al. 2017, bioinf-jku/TTUR fid.py):
 * |m1 - m2|^2 + Tr(C1 + C2 - 2 sqrt(C1 C2)). It is called FID for Inception's features alone.
 */
import { CholeskyDecomposition, EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Features } from './features.ts';

/** Added to a covariance's diagonal where it is not positive definite; TTUR's. */
const epsilon = 1e-6;

function momentsOf({ count, width, values }: Features): { mean: Float64Array; covariance: Matrix } {
  const mean = new Float64Array(width);
  for (let i = 0; i < values.length; i += 1) mean[i % width]! += values[i]! / count;
  const sums = Array.from({ length: width }, () => new Float64Array(width));
  const centred = new Float64Array(width);
  for (let row = 0; row < count; row += 1) {
    for (let j = 0; j < width; j += 1) centred[j] = values[row * width + j]! - mean[j]!;
    for (let j = 0; j < width; j += 1) {
      const [line, factor] = [sums[j]!, centred[j]! / (count - 1)];
      for (let k = j; k < width; k += 1) line[k]! += factor * centred[k]!;
    }
  }
  for (let j = 0; j < width; j += 1) for (let k = 0; k < j; k += 1) sums[j]![k] = sums[k]![j]!;
  return { mean, covariance: new Matrix(sums) };
}

/** L with L L^T = the covariance, or that with a little more on its diagonal. */
function rootOf(covariance: Matrix): Matrix {
  const root = new CholeskyDecomposition(covariance);
  if (root.isPositiveDefinite()) return root.lowerTriangularMatrix;
  const little = Matrix.eye(covariance.rows, covariance.rows, epsilon);
  return new CholeskyDecomposition(Matrix.add(covariance, little)).lowerTriangularMatrix;
}

/** @param a, b of one width, and with at least as many rows as columns */
export function frechetDistance(a: Features, b: Features): number {
  const [ofA, ofB] = [momentsOf(a), momentsOf(b)];
  const apart = ofA.mean.reduce((sum, value, i) => sum + (value - ofB.mean[i]!) ** 2, 0);
  // The eigenvalues of C1 C2 = L L^T C2 are those of the symmetric L^T C2 L.
  const root = rootOf(ofA.covariance);
  const symmetric = root.transpose().mmul(ofB.covariance).mmul(root);
  const { realEigenvalues } = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });
  const crossed = realEigenvalues.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  return apart + ofA.covariance.trace() + ofB.covariance.trace() - 2 * crossed;
}
