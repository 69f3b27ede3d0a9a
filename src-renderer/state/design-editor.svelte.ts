import { AppError } from '../../src-shared/errors.ts';
import type { Block, Design } from '../../src-shared/gan/block.ts';
import { designPair } from './design-pair.ts';
import { duplicateBlocks, insertBlocks, moveBlocks, newBlock, removeBlocks, setBlock } from './edits.ts';
import type { History } from '../../src-shared/gan/history.ts';
import { amend, canRedo, canUndo, commit, present, redo, undo } from '../../src-shared/gan/history.ts';

const several = (indices: readonly number[]) =>
  indices.length === 1 ? `block ${indices[0]! + 1}` : `${indices.length} blocks`;

/** The open design: what it is, how it came about, what is selected. Every edit is one undo step. */
export class DesignEditor {
  #history: History = $state.raw({ entries: [], at: 0 });
  /** The edit that goes on while keys are pressed in one field. */
  #ongoing: string | null = null;
  #selected: ReadonlySet<string> = $state.raw(new Set());
  /** Key of the row whose parts are open. */
  opened: string | null = $state(null);
  /** What has just happened, in words, for the status line and for screen readers. */
  notice: string = $state('');

  readonly design: Design = $derived(present(this.#history).design);
  readonly pair = $derived(designPair(this.design));
  readonly canUndo: boolean = $derived(canUndo(this.#history));
  readonly canRedo: boolean = $derived(canRedo(this.#history));
  readonly undoes: string = $derived(this.canUndo ? present(this.#history).what : '');
  readonly redoes: string = $derived(this.canRedo ? present(redo(this.#history)).what : '');
  /** Indices of the selected blocks, ascending. */
  readonly selection: readonly number[] = $derived(
    this.pair.rows.filter((row) => this.#selected.has(row.key)).map((row) => row.index),
  );

  readonly #changed: (history: History) => void;

  /** @param changed called with the history after every edit, undo and redo */
  constructor(history: History, changed: (history: History) => void = () => undefined) {
    this.#history = history;
    this.#changed = changed;
  }

  get history(): History {
    return this.#history;
  }

  #become(history: History): void {
    this.#history = history;
    this.#changed(history);
  }

  /** Takes over a history that is saved elsewhere already. */
  adopt(history: History): void {
    this.settle();
    this.#history = history;
  }

  /**
   * The next state of the design. One that changes nothing is none.
   * @param what for the undo button: `change the kernel of block 2`
   * @param ongoing edits with the same name, one after the other, are one undo step until {@link settle}
   */
  edit(design: Design, what: string, ongoing: string | null = null): void {
    if (JSON.stringify(design) === JSON.stringify(this.design)) return;
    const step = ongoing !== null && ongoing === this.#ongoing ? amend : commit;
    this.#ongoing = ongoing;
    this.#become(step(this.#history, { design, what }));
    this.notice = '';
  }

  /** The next keystroke is a new undo step. */
  settle(): void {
    this.#ongoing = null;
  }

  undo(): void {
    if (!this.canUndo) return;
    const { undoes } = this;
    this.settle();
    this.#become(undo(this.#history));
    this.notice = `Undone: ${undoes}`;
  }

  redo(): void {
    if (!this.canRedo) return;
    const { redoes } = this;
    this.settle();
    this.#become(redo(this.#history));
    this.notice = `Redone: ${redoes}`;
  }

  setBlock(index: number, block: Block, what: string, ongoing: string | null = null): void {
    const name = ongoing === null ? null : `${block.id} ${ongoing}`;
    this.edit(setBlock(this.design, index, block), `${what} of block ${index + 1}`, name);
  }

  /** Adds a block that fits into the gap before index `gap`, and opens it. */
  add(gap: number): void {
    this.insert(gap, [newBlock(this.design, gap)], `add block ${gap + 1}`);
    if (this.selection[0] === gap) this.opened = this.pair.rows[gap]!.key;
  }

  /** Puts blocks into the gap before index `gap` and selects them. */
  insert(gap: number, blocks: readonly Block[], what: string): void {
    this.#grow(() => insertBlocks(this.design, gap, blocks), what, gap, blocks.length);
  }

  duplicate(indices: readonly number[]): void {
    if (indices.length === 0) return;
    const gap = Math.max(...indices) + 1;
    this.#grow(
      () => duplicateBlocks(this.design, indices),
      `duplicate ${several(indices)}`,
      gap,
      indices.length,
    );
  }

  #grow(grown: () => Design, what: string, gap: number, count: number): void {
    try {
      this.edit(grown(), what);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.notice = error.message;
      return;
    }
    this.select(Array.from({ length: count }, (_, i) => gap + i));
    this.notice = `Done: ${what}`;
  }

  remove(indices: readonly number[]): void {
    if (indices.length === 0) return;
    const what = `delete ${several(indices)}`;
    this.edit(removeBlocks(this.design, indices), what);
    this.notice = `Done: ${what}. Undo brings it back.`;
  }

  /** Moves blocks into the gap before index `gap`; they stay selected if they were. */
  move(indices: readonly number[], gap: number): void {
    const count = this.design.discriminator.blocks.length;
    if (indices.length === 0 || gap < 0 || gap > count) return;
    const before = this.design;
    this.edit(moveBlocks(this.design, indices, gap), `move ${several(indices)}`);
    if (this.design === before) return;
    const first = gap - indices.filter((index) => index < gap).length;
    this.notice = `Moved: ${several(indices)}, now at place ${first + 1} of ${count}`;
  }

  /** One place up (-1) or down (1). */
  nudge(indices: readonly number[], by: -1 | 1): void {
    if (indices.length === 0) return;
    this.move(indices, by === -1 ? Math.min(...indices) - 1 : Math.max(...indices) + 2);
  }

  isSelected(key: string): boolean {
    return this.#selected.has(key);
  }

  select(indices: readonly number[]): void {
    this.#selected = new Set(indices.map((index) => this.pair.rows[index]!.key));
  }

  /** In or out of the selection, the others as they are. */
  toggle(key: string): void {
    const others = [...this.#selected].filter((other) => other !== key);
    this.#selected = new Set(this.#selected.has(key) ? others : [...others, key]);
  }

  /** Everything between the last selected block and this one. */
  selectTo(index: number): void {
    const from = this.selection.at(-1) ?? index;
    const [first, last] = [Math.min(from, index), Math.max(from, index)];
    const range = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    this.select([...new Set([...this.selection, ...range])]);
  }
}
