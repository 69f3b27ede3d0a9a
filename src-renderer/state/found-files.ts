/** The files of a folder that was dropped or chosen. Walked in slices: a hundred thousand of them do not hold the page up. */
import { AppError } from '../../src-shared/errors.ts';

export interface FoundFile {
  /** Inside the folder, with forward slashes. */
  path: string;
  file: File;
}

export interface FoundFiles {
  /** What a person would call it: the folder's or the file's name. */
  name: string;
  files: FoundFile[];
}

export interface FindOptions {
  onFound: (count: number) => void;
  signal: AbortSignal;
}

/** Finds files; see {@link fromEntries} and {@link fromList}. @throws AppError `cancelled`, `dataset.empty` */
export type FindFiles = (options: FindOptions) => Promise<FoundFiles>;

/** Files that take part in nothing that a person sees, such as .DS_Store. */
const isHidden = (name: string) => name.startsWith('.') || name === '__MACOSX';

const atOnce = 100;

/** What was dropped. To be called while the event is being handled: afterwards the browser has forgotten what was dropped. */
export function fromDrop(data: DataTransfer): FindFiles {
  const entries = [...data.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  // What was not dragged out of a file browser has no entries.
  return entries.length > 0 ? (options) => fromEntries(entries, options) : fromList([...data.files]);
}

async function fromEntries(entries: FileSystemEntry[], options: FindOptions): Promise<FoundFiles> {
  const [first] = entries;
  const files: FoundFile[] = [];
  // A single folder is the dataset; of several, each becomes a class.
  if (entries.length === 1 && isDirectory(first!)) await walk(first, '', files, options);
  else await addAll(entries, '', files, options);
  return checked(entries.length === 1 ? first!.name : `${first?.name ?? 'files'} and more`, files);
}

const isDirectory = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;

async function addAll(
  entries: readonly FileSystemEntry[],
  folder: string,
  files: FoundFile[],
  options: FindOptions,
): Promise<void> {
  throwIfCancelled(options.signal);
  const shown = entries.filter(({ name }) => !isHidden(name));
  const found = await Promise.all(
    shown.filter(isFile).map(async (entry) => ({
      path: `${folder}${entry.name}`,
      file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)),
    })),
  );
  files.push(...found);
  options.onFound(files.length);
  for (const entry of shown) {
    if (isDirectory(entry)) await walk(entry, `${folder}${entry.name}/`, files, options);
  }
}

async function walk(
  directory: FileSystemDirectoryEntry,
  folder: string,
  files: FoundFile[],
  options: FindOptions,
): Promise<void> {
  const reader = directory.createReader();
  for (;;) {
    // A browser gives a hundred at a time, and none when there are no more.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (entries.length === 0) return;
    await addAll(entries, folder, files, options);
  }
}

/** What was chosen with a file field, or pasted. */
export function fromList(list: ArrayLike<File>): FindFiles {
  return async ({ onFound, signal }) => {
    const files: FoundFile[] = [];
    let name = list[0]?.name ?? 'files';
    for (let i = 0; i < list.length; i += 1) {
      const file = list[i]!;
      const [folder, ...inside] = file.webkitRelativePath.split('/');
      const parts = inside.length > 0 ? inside : [file.name];
      if (inside.length > 0) name = folder!;
      if (!parts.some(isHidden)) files.push({ path: parts.join('/'), file });
      if (i % (atOnce * 50) !== 0) continue;
      onFound(files.length);
      throwIfCancelled(signal);
      // Something else may have its turn.
      await new Promise((resolve) => setTimeout(resolve));
    }
    return checked(name, files);
  };
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError('cancelled', 'The upload was cancelled; nothing was kept.');
}

function checked(name: string, files: FoundFile[]): FoundFiles {
  if (files.length > 0) return { name, files };
  throw new AppError(
    'dataset.empty',
    `${name} holds no files. Choose the folder that holds your images, or a zip of it.`,
  );
}

/** Whether a text can only be the path of a folder or file on some machine. */
export function looksLikePath(text: string): boolean {
  return /^(\/|~\/|[A-Za-z]:[\\/]|\\\\)[^\n]*$/.test(text);
}
