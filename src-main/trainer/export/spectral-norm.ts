/**
 * Spectral norm of finished kernels (see layers.ts for that of training). A kernel is seen as [before, outputs, behind]: everything but
 * the outputs is the input side of the matrix whose largest singular value it is divided by.
 */

function each(
  kernel: Float32Array,
  outputs: number,
  behind: number,
  visit: (value: number, input: number, output: number) => void,
): void {
  kernel.forEach((value, i) => {
    const outer = Math.floor(i / behind);
    visit(value, Math.floor(outer / outputs) * behind + (i % behind), outer % outputs);
  });
}

function unit(vector: Float64Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from(vector, (value) => value / Math.max(length, 1e-12));
}

export interface SingularVectors {
  u: Float32Array;
  v: Float32Array;
}

/**
 * One power iteration, which is what training and sampling do before each use.
 * @param behind numbers of the kernel that lie behind the axis of its outputs
 */
export function powerIteration(kernel: Float32Array, u: Float32Array, behind: number): SingularVectors {
  const inputs = new Float64Array(kernel.length / u.length);
  each(kernel, u.length, behind, (value, input, output) => (inputs[input]! += value * u[output]!));
  const v = unit(inputs);
  const outputs = new Float64Array(u.length);
  each(kernel, u.length, behind, (value, input, output) => (outputs[output]! += value * v[input]!));
  return { u: unit(outputs), v };
}

/** The kernel over u^T W v. */
export function divided(kernel: Float32Array, { u, v }: SingularVectors, behind: number): Float32Array {
  let sigma = 0;
  each(kernel, u.length, behind, (value, input, output) => (sigma += value * u[output]! * v[input]!));
  return kernel.map((value) => value / sigma);
}
