/** Dragging blocks by their handle: follows the pointer, tells the gap that it is over, and moves them when it is let go. */
import type { DesignEditor } from '../../state/design-editor.svelte.ts';

/** Distance from the edge of the scrolled area, in CSS pixels, from which on it scrolls along. */
const edge = 48;

export class BlockDrag {
  /** Indices of the blocks in hand; empty while nothing is dragged. */
  blocks: readonly number[] = $state.raw([]);
  /** The gap before this index is where they would go. */
  gap: number | null = $state(null);
  readonly #editor: () => DesignEditor;
  readonly #area: () => HTMLElement;

  /** @param area the scrolled element that holds the rows, each marked with `data-row` */
  constructor(editor: () => DesignEditor, area: () => HTMLElement) {
    this.#editor = editor;
    this.#area = area;
  }

  /** A selected block takes the others that are selected along. */
  start(event: PointerEvent & { currentTarget: HTMLElement }, index: number): void {
    if (event.button !== 0) return;
    event.preventDefault();
    event.currentTarget.focus();
    event.currentTarget.setPointerCapture(event.pointerId);
    const { selection } = this.#editor();
    this.blocks = selection.includes(index) ? selection : [index];
    this.gap = null;
  }

  move(event: PointerEvent): void {
    if (this.blocks.length === 0) return;
    const area = this.#area();
    const bounds = area.getBoundingClientRect();
    if (event.clientY < bounds.top + edge) area.scrollTop -= 12;
    if (event.clientY > bounds.bottom - edge) area.scrollTop += 12;
    const rows = [...area.querySelectorAll('[data-row]')];
    const below = rows.findIndex((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return event.clientY < (top + bottom) / 2;
    });
    this.gap = below === -1 ? rows.length : below;
  }

  drop(): void {
    const { blocks, gap } = this;
    this.cancel();
    if (gap !== null) this.#editor().move(blocks, gap);
  }

  cancel(): void {
    this.blocks = [];
    this.gap = null;
  }
}
