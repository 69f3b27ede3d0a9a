/** Sorts many single-precision numbers in time that grows with their count alone; several times as fast as the usual sort. */

const digitBits = 11;
const digits = 1 << digitBits;

export class RadixSort {
  readonly #keys: Uint32Array;
  readonly #other: Uint32Array;
  readonly #counts = new Uint32Array(digits);

  /** @param length of the arrays that will be sorted */
  constructor(length: number) {
    this.#keys = new Uint32Array(length);
    this.#other = new Uint32Array(length);
  }

  /** Sorts in place, ascending. The numbers must be finite. */
  sort(values: Float32Array): void {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    let [from, to] = [this.#keys, this.#other];
    // Bits of floats ascend with the numbers once the sign bit of positive ones and all bits of negative ones are flipped.
    for (let i = 0; i < bits.length; i += 1) {
      const word = bits[i]!;
      from[i] = word >>> 31 === 0 ? word ^ 0x80000000 : ~word;
    }
    for (let shift = 0; shift < 32; shift += digitBits) {
      const counts = this.#counts.fill(0);
      for (let i = 0; i < bits.length; i += 1) counts[(from[i]! >>> shift) & (digits - 1)]! += 1;
      let start = 0;
      for (let digit = 0; digit < digits; digit += 1) {
        const count = counts[digit]!;
        counts[digit] = start;
        start += count;
      }
      for (let i = 0; i < bits.length; i += 1) {
        const key = from[i]!;
        const digit = (key >>> shift) & (digits - 1);
        to[counts[digit]!] = key;
        counts[digit]! += 1;
      }
      [from, to] = [to, from];
    }
    for (let i = 0; i < bits.length; i += 1) {
      const key = from[i]!;
      bits[i] = key >>> 31 === 1 ? key ^ 0x80000000 : ~key;
    }
  }
}
