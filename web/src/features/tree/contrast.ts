/** luminance is WCAG's relative luminance of a colour such as #1a2b3c; NaN: that is none. */
function luminance(colour: string): number {
  if (!/^#[0-9a-f]{6}$/i.test(colour)) return NaN;
  const part = (at: number) => {
    const c = parseInt(colour.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}

/** contrast is the ratio between two colours, 1 to 21; NaN where one is no colour. The server decides; this is for the preview. */
export function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** enough is what text needs to be read by everybody (WCAG AA). */
export const enough = 4.5;
