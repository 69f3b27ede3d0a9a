/** Saves what lies at an address of this page as a file. */
export function saveAs(src: string, name: string): void {
  const link = document.createElement('a');
  link.href = src;
  link.download = name;
  link.click();
}
