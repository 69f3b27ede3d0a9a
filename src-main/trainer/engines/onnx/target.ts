/** What a graph is written for: the same operations, cut into the pieces that a kind of processor likes. */
export interface Target {
  /** Matrices of patches are made in pieces of at most this many bytes, */
  pieceBytes: number;
  /** but of at least this many rows: fewer do not keep a matrix product busy. */
  fewestRows: number;
  /** Longest column that one product with a row of ones sums. */
  longestSum: number;
  /**
   * Whether sizes of pieces are hidden from ONNX Runtime until it runs. A size that it knows lets its plan of memory give values of equal
   * shape one buffer, and keep that buffer from the first of them to the last: for matrices that come and go in a forward pass and
   * again in the backward pass that is most of a step.
   */
  hidesSizes: boolean;
  /** Whether a sum of several values is one operation. */
  sumsMany: boolean;
}

/** Pieces fit the second-level cache: memory gives 8 to 11 GB/s where the cache gives 40. */
export const processor: Target = {
  pieceBytes: 4 * 2 ** 20,
  fewestRows: 1024,
  longestSum: 2 ** 16,
  hidesSizes: true,
  sumsMany: true,
};

/**
 * A graphics card wants few and large operations; a buffer may not exceed what the least of WebGPU's drivers binds (128 MB). It computes
 * each number of a product on its own, so a long column is summed in two stages. ONNX Runtime has no kernels there for sums of many
 * and for the arithmetic that hides sizes.
 */
export const graphics: Target = {
  pieceBytes: 96 * 2 ** 20,
  fewestRows: 1,
  longestSum: 512,
  hidesSizes: false,
  sumsMany: false,
};
