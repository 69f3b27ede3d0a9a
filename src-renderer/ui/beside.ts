/** Places a fixed element below (or, where there is no room, above) another one, inside the window. */
export function placeBeside(element: HTMLElement, anchor: Element): void {
  const margin = 8;
  const at = anchor.getBoundingClientRect();
  const { width, height } = element.getBoundingClientRect();
  const left = Math.min(Math.max(margin, at.left), innerWidth - width - margin);
  const below = at.bottom + 4;
  const top = below + height > innerHeight - margin ? Math.max(margin, at.top - height - 4) : below;
  element.style.left = `${left}px`;
  element.style.top = `${top}px`;
}
