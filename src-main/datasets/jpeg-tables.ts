/** Bits looked at in one table access. Longer codes are rare and take a slower way. */
export const LOOK_BITS = 11;
/** From this value on, an entry of `skips` ends the block. */
export const ENDS = 1 << 12;

const ENTRIES = 1 << LOOK_BITS;

/** A Huffman table of a JPEG, made ready for decoding and for skipping. */
export interface HuffmanTable {
  /** For the next LOOK_BITS bits: code length << 8 | symbol; 0 when the code is longer. */
  symbols: Uint16Array;
  /**
   * For the next LOOK_BITS bits, as many AC coefficients as can be told at once, to be passed over:
   * bits | coefficients << 5 | ends the block << 12; 0 when not even one can be told. Empty in a table for DC.
   */
  skips: Uint16Array;
  /** Canonical decoding of long codes: largest code of each length (-1 for none), and where its symbols end. */
  largest: Int32Array;
  offsets: Int32Array;
  values: Uint8Array;
}

const NONE = new Uint16Array(0);

const known = new Map<string, HuffmanTable>();
const MOST_KNOWN = 16;

/**
 * Builds the table that a DHT segment describes: 16 counts, then the symbols. Most files share a few tables, so the
 * last ones are kept. Null when the counts make no prefix code.
 */
export function huffmanTable(counts: Uint8Array, values: Uint8Array, isAc: boolean): HuffmanTable | null {
  const key = `${isAc}${Buffer.concat([counts, values]).toString('latin1')}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const symbols = new Uint16Array(ENTRIES);
  const largest = new Int32Array(17).fill(-1);
  const offsets = new Int32Array(17);
  let code = 0;
  let at = 0;
  for (let length = 1; length <= 16; length++) {
    offsets[length] = at - code;
    for (let i = 0; i < counts[length - 1]!; i++, code++, at++) {
      if (code >= 1 << length) return null;
      if (length > LOOK_BITS) continue;
      const start = code << (LOOK_BITS - length);
      symbols.fill((length << 8) | values[at]!, start, start + (1 << (LOOK_BITS - length)));
    }
    if (counts[length - 1]! > 0) largest[length] = code - 1;
    code <<= 1;
  }
  const skips = isAc ? skipsOf(symbols) : NONE;
  const table = { symbols, skips, largest, offsets, values: Uint8Array.from(values) };
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(key, table);
  return table;
}

function skipsOf(symbols: Uint16Array): Uint16Array {
  const skips = new Uint16Array(ENTRIES);
  for (let look = 0; look < ENTRIES; look++) {
    let bits = 0;
    let coefficients = 0;
    let ends = 0;
    while (bits < LOOK_BITS && ends === 0) {
      const entry = symbols[(look << bits) & (ENTRIES - 1)]!;
      const length = entry >> 8;
      if (entry === 0 || length > LOOK_BITS - bits) break;
      const symbol = entry & 255;
      const run = symbol >> 4;
      const size = symbol & 15;
      if (size === 0 && run !== 15) ends = 1;
      else if (coefficients + run + 1 > 64) break;
      else coefficients += run + 1;
      bits += length + size;
    }
    skips[look] = (bits | (coefficients << 5)) + ends * ENDS;
  }
  return skips;
}
