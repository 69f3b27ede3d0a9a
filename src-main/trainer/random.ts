/**
 * Every random number of a run is a function of the run's seed, of what it is for, and of an index (a step, an epoch). So nothing
 * random has to be stored: going on after step k needs k alone.
 */

/** The generator xoshiro128** (Blackman and Vigna, prng.di.unimi.it/xoshiro128starstar.c), 32 bits at a time. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /**
   * @param seed of the run: an integer of up to 53 bits
   * @param purpose names the stream: `z`, `order`, `dropout`, ...
   * @param index which part of the stream: usually the step
   */
  constructor(seed: number, purpose: string, index = 0) {
    let hash = 0x9e3779b9;
    const mix = (word: number) => {
      hash = murmur(hash ^ word);
    };
    mix(seed >>> 0);
    mix(Math.floor(seed / 2 ** 32) >>> 0);
    for (let i = 0; i < purpose.length; i += 1) mix(purpose.charCodeAt(i));
    mix(index >>> 0);
    mix(Math.floor(index / 2 ** 32) >>> 0);
    const next = () => {
      hash = (hash + 0x9e3779b9) | 0;
      return murmur(hash);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** An integer of 0 to 2^32 - 1. */
  uint32(): number {
    const b = this.#b;
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = b << 9;
    this.#c ^= this.#a;
    this.#d ^= b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A number of [0, 1). */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Fills with independent normal numbers (Box and Muller). */
  normal(into: Float32Array, mean = 0, stddev = 1): Float32Array {
    for (let i = 0; i < into.length; i += 2) {
      const radius = stddev * Math.sqrt(-2 * Math.log((this.uint32() + 1) / 2 ** 32));
      const angle = 2 * Math.PI * this.uniform();
      into[i] = mean + radius * Math.cos(angle);
      if (i + 1 < into.length) into[i + 1] = mean + radius * Math.sin(angle);
    }
    return into;
  }

  /** Fills with 0 (probability `rate`) or 1 / (1 - rate): what dropout multiplies with. */
  dropout(into: Float32Array, rate: number): Float32Array {
    const threshold = Math.round(rate * 2 ** 31);
    const kept = 1 / (1 - rate);
    // A step may want millions: uint32() again, on local variables, and no branch that a processor would guess wrong.
    let [a, b, c, d] = [this.#a, this.#b, this.#c, this.#d];
    for (let i = 0; i < into.length; i += 1) {
      const product = Math.imul(b, 5);
      const random = Math.imul((product << 7) | (product >>> 25), 9) >>> 1;
      into[i] = kept * (1 + ((random - threshold) >> 31));
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
    }
    [this.#a, this.#b, this.#c, this.#d] = [a, b, c, d];
    return into;
  }

  /** The numbers 0 to count - 1 in random order (Fisher and Yates). */
  permutation(count: number): Uint32Array {
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i -= 1) {
      const j = Math.floor(this.uniform() * (i + 1));
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
    return order;
  }
}

/** The finaliser of MurmurHash3 (Appleby). */
function murmur(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
