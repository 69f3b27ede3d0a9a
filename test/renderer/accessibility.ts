/**
 * What an axe scan would look for first, on the page as it stands: names, references, unique ids, and the contrast of text (WCAG AA).
 * Runs in the page: it must not name anything outside itself.
 * @returns what is wrong, in words; empty when nothing is
 */
export function findBarriers(): string[] {
  const barriers: string[] = [];
  const shown = (element: Element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const elements = [...document.querySelectorAll('body *')].filter(shown);
  const describe = (element: Element) => element.outerHTML.slice(0, 120);

  const textOf = (ids: string) => ids.split(' ').map((id) => document.getElementById(id)?.textContent ?? '');
  const labelled = (element: Element) =>
    element.getAttribute('aria-label') ?? textOf(element.getAttribute('aria-labelledby') ?? '').join('');
  for (const element of elements) {
    const isField = element.matches('input, select, textarea');
    const labels = isField ? [...((element as HTMLInputElement).labels ?? [])] : [];
    const content = isField ? labels.map((label) => label.textContent).join('') : element.textContent;
    const needsName = element.matches(
      'button, a, input, select, textarea, dialog, nav, [role="group"], [role="tablist"], [role="toolbar"]',
    );
    const landmark = element.matches('dialog, nav, [role]:not(button)');
    if (needsName && `${labelled(element)}${landmark ? '' : content}`.trim() === '')
      barriers.push(`no name: ${describe(element)}`);
    for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for'])
      for (const id of (element.getAttribute(attribute) ?? '').split(' ').filter((part) => part !== ''))
        if (document.getElementById(id) === null)
          barriers.push(`${attribute} names nothing: ${describe(element)}`);
    const parent = element.parentElement?.closest('button, a, label, summary');
    if (element.matches('button, a, select, textarea') && parent !== null && parent !== undefined)
      barriers.push(`one control inside another: ${describe(element)}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i)))
    barriers.push(`id used twice: ${id}`);
  if (document.querySelectorAll('h1').length !== 1 || document.querySelectorAll('main').length !== 1)
    barriers.push('not one main and one h1');

  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
  /** Paints the colours over each other, from the lowest, and reads what is seen. */
  const seen = (colours: string[]): number[] => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (colour: number[]) => {
    const [r, g, b] = colour.map((value) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  for (const element of elements) {
    const hasText = [...element.childNodes].some(
      (node) => node.nodeType === 3 && node.textContent?.trim() !== '',
    );
    if ((!hasText && !element.matches('input, select, textarea')) || element.matches(':disabled, option'))
      continue;
    const backgrounds: string[] = [];
    for (let at: Element | null = element; at !== null; at = at.parentElement)
      backgrounds.unshift(getComputedStyle(at).backgroundColor);
    const back = luminance(seen(backgrounds));
    const text = luminance(seen([...backgrounds, getComputedStyle(element).color]));
    const contrast = (Math.max(back, text) + 0.05) / (Math.min(back, text) + 0.05);
    if (contrast < 4.5) barriers.push(`contrast ${contrast.toFixed(2)}: ${describe(element)}`);
  }
  return barriers;
}
