/** Arrays of numbers in another order of their axes. */

/**
 * @param shape lengths of the axes, the last one contiguous
 * @param order which old axis each new axis is, as in `numpy.transpose`
 */
export function permute(
  values: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Float32Array {
  const strides = shape.map((_, axis) =>
    shape.slice(axis + 1).reduce((product, length) => product * length, 1),
  );
  const axes = order.map((axis) => ({ length: shape[axis]!, stride: strides[axis]! }));
  const result = new Float32Array(values.length);
  let to = 0;
  const copy = (axis: number, from: number) => {
    const { length, stride } = axes[axis]!;
    if (axis === axes.length - 1) {
      for (let i = 0; i < length; i += 1) result[to++] = values[from + i * stride]!;
    } else {
      for (let i = 0; i < length; i += 1) copy(axis + 1, from + i * stride);
    }
  };
  copy(0, 0);
  return result;
}
