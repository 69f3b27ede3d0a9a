/**
 * The files of a source in their fixed order, packed into shared memory: a million of them cost tens of megabytes, and
 * every decode worker reads the same copy.
 */
export interface FileList {
  count: number;
  /** All paths, UTF-8, forward slashes, one after the other. */
  paths: Uint8Array;
  /** Where each path ends in `paths`. */
  ends: Uint32Array;
  /** Bytes of each file, unpacked; for a folder once it has been surveyed. */
  sizes: Float64Array;
}

/** Path number `index` inside the source. */
export function pathAt(files: FileList, index: number): string {
  const start = index === 0 ? 0 : files.ends[index - 1]!;
  return Buffer.from(files.paths.buffer, start, files.ends[index]! - start).toString();
}

/** Collects files in their final order, then packs them. */
export class FileListBuilder {
  private bytes = Buffer.allocUnsafe(1 << 16);
  private used = 0;
  private readonly ends: number[] = [];
  private readonly sizes: number[] = [];

  get count(): number {
    return this.ends.length;
  }

  add(path: string, size = 0): void {
    const most = path.length * 3;
    if (this.used + most > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.used + most));
      this.bytes.copy(larger, 0, 0, this.used);
      this.bytes = larger;
    }
    this.used += this.bytes.write(path, this.used);
    this.ends.push(this.used);
    this.sizes.push(size);
  }

  build(): FileList {
    const paths = new Uint8Array(new SharedArrayBuffer(this.used));
    paths.set(this.bytes.subarray(0, this.used));
    return {
      count: this.ends.length,
      paths,
      ends: shared(Uint32Array, this.ends),
      sizes: shared(Float64Array, this.sizes),
    };
  }
}

/** A typed array over shared memory, holding `values`. */
export function shared<T extends Uint32Array | Float64Array>(
  Kind: { new (buffer: SharedArrayBuffer): T; BYTES_PER_ELEMENT: number },
  values: readonly number[],
): T {
  const array = new Kind(new SharedArrayBuffer(values.length * Kind.BYTES_PER_ELEMENT));
  array.set(values);
  return array;
}
