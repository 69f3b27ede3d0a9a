/**
 * What has the focus may go, or be switched off, by its own doing: a button that leads on. The focus then goes to what is shown now, an
 * open dialog or else the place, and not to the window's beginning.
 * @returns a function that ends it
 */
export function keepFocus(page: Document): () => void {
  let last: Element | null = null;
  const remember = ({ target }: FocusEvent) => {
    last = target instanceof Element ? target : null;
  };
  const look = () => {
    if (last === null || page.activeElement !== page.body) return;
    if (last.isConnected && !last.matches(':disabled')) return;
    const dialogs = page.querySelectorAll<HTMLElement>('dialog[open]');
    const shown = dialogs[dialogs.length - 1] ?? page.querySelector<HTMLElement>('main');
    if (shown === null) return;
    shown.tabIndex = -1;
    shown.focus({ preventScroll: true });
  };
  page.addEventListener('focusin', remember);
  let waits = false;
  // A control that is switched off loses the focus with the next picture only, which a busy page makes late.
  const waitForLoss = () => {
    waits = true;
    requestAnimationFrame(() =>
      setTimeout(() => {
        look();
        waits = false;
        if (last !== null && page.activeElement === last && last.matches(':disabled')) waitForLoss();
      }),
    );
  };
  const changes = new MutationObserver(() => {
    look();
    if (!waits && last?.matches(':disabled') === true) waitForLoss();
  });
  changes.observe(page.body, { subtree: true, childList: true, attributeFilter: ['disabled'] });
  return () => {
    page.removeEventListener('focusin', remember);
    changes.disconnect();
  };
}
