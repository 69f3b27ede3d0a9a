import type { FileList } from './file-list.ts';

/** Classes of the images that are used. Without classes `names` is empty and `labels` null. */
export interface Classes {
  names: string[];
  /** Images in each class. */
  counts: number[];
  /** Class of each used image, in their order. */
  labels: Uint16Array | null;
}

export const NO_CLASSES: Classes = { names: [], counts: [], labels: null };

const SLASH = 47;
const MOST_CLASSES = 65_536;

/**
 * First-level sub-folders as classes. A single folder around everything is looked through. There are no classes when an
 * image lies beside the sub-folders, when there are fewer than two of them, or more than 65,536.
 * @param used 1 for each file of the list that became an image.
 */
export function classesOfFolders(files: FileList, used: Uint8Array): Classes {
  for (let prefix = 0; ;) {
    const groups = groupByFolder(files, used, prefix);
    if (groups === null || groups.names.length > MOST_CLASSES) return NO_CLASSES;
    const only = groups.names.length === 1 ? groups.names[0] : undefined;
    if (only === undefined) return groups.names.length === 0 ? NO_CLASSES : groups;
    prefix += Buffer.byteLength(only) + 1;
  }
}

/** Groups by the folder that follows the first `prefix` bytes; null when an image lies in no such folder. */
function groupByFolder(files: FileList, used: Uint8Array, prefix: number): Classes | null {
  const { paths, ends } = files;
  const names: string[] = [];
  const counts: number[] = [];
  const labels: number[] = [];
  let nameStart = -1;
  let nameLength = 0;
  for (let i = 0, start = 0; i < files.count; start = ends[i]!, i++) {
    if (used[i] !== 1) continue;
    const from = start + prefix;
    const isSame =
      nameStart !== -1 && from + nameLength < ends[i]! && sameBytes(paths, nameStart, from, nameLength + 1);
    if (!isSame) {
      const slash = paths.indexOf(SLASH, from);
      if (slash === -1 || slash >= ends[i]!) return null;
      nameStart = from;
      nameLength = slash - from;
      names.push(Buffer.from(paths.buffer, from, nameLength).toString());
      counts.push(0);
      if (names.length > MOST_CLASSES) return { names, counts, labels: null };
    }
    counts[names.length - 1]!++;
    labels.push(names.length - 1);
  }
  return { names, counts, labels: Uint16Array.from(labels) };
}

function sameBytes(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

/** Classes from one label an image; those that no used image has are left out. */
export function classesOfLabels(
  labels: Uint8Array | Uint16Array,
  used: Uint8Array,
  nameOf: (label: number) => string,
): Classes {
  const present = [...new Set(labels.filter((_, i) => used[i] === 1))].sort((a, b) => a - b);
  const indexOf = new Map(present.map((label, index) => [label, index]));
  const counts = present.map(() => 0);
  const indices = new Uint16Array(used.reduce((sum, flag) => sum + flag, 0));
  let at = 0;
  for (let i = 0; i < used.length; i++) {
    if (used[i] !== 1) continue;
    const index = indexOf.get(labels[i]!)!;
    indices[at++] = index;
    counts[index]!++;
  }
  return { names: present.map(nameOf), counts, labels: indices };
}
