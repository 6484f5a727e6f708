// Looks at the finished page and says what has been drawn: the judge of the renderer, which believes only what it sees.

import type { Drawn, Panel } from './plan';

/** Sum of the differences of red, green and blue up to which a pixel belongs to a line: its edges are smoothed. */
const NEAR = 48;
/** Opacity of 255 from which a pixel's colour is more than a rounding. */
const OPAQUE = 96;

type Colour = [red: number, green: number, blue: number];

function seen(canvas: HTMLCanvasElement): Colour[] {
  const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
  const colours = new Map<string, Colour>();
  for (let at = 0; at < pixels.length; at += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = [pixels[at], pixels[at + 1], pixels[at + 2], pixels[at + 3]];
    if (alpha >= OPAQUE) {
      colours.set(`${red} ${green} ${blue}`, [red, green, blue]);
    }
  }
  return [...colours.values()];
}

/** How many of the colours in the legend are on the canvas. Of lines that lie on one another the last one shows. */
function lines(panel: Element): number {
  const icons = [...panel.querySelectorAll('[data-testid="series-icon"]')];
  const colours = [...panel.querySelectorAll('canvas')].flatMap(seen);
  const shown = (icon: Element) => {
    const wanted = getComputedStyle(icon).backgroundColor.match(/\d+/g)?.map(Number) ?? [];
    return colours.some((colour) => colour.reduce((sum, part, at) => sum + Math.abs(part - (wanted[at] ?? 0)), 0) < NEAR);
  };
  return icons.filter(shown).length;
}

/** Rows with a text in them, without the header. */
function rows(panel: Element): number {
  const cells = [...panel.querySelectorAll('[role=row]')].map((row) => row.querySelectorAll('[role=gridcell]'));
  return cells.filter((row) => [...row].some((cell) => cell.textContent)).length;
}

/** Texts with a size of their own: Grafana gives one to every big value. */
function texts(panel: Element): number {
  return [...panel.querySelectorAll('[style*="font-size"]')].filter((text) => text.textContent?.trim()).length;
}

/** States that have a colour and a width. */
function spans(panel: Element): number {
  const seen = ({ background, width }: CSSStyleDeclaration) => !background.includes('rgba(0, 0, 0, 0)') && parseFloat(width) > 0;
  return [...panel.querySelectorAll('[data-span]')].filter((span) => seen(getComputedStyle(span))).length;
}

const COUNTS: Record<string, (panel: Element) => number> = {
  bargauge: texts,
  stat: texts,
  'state-timeline': spans,
  table: rows,
  text: (panel) => (panel.textContent ? 1 : 0),
  timeseries: lines,
};

/** What has become of each panel by now. */
export function drawn(panels: Panel[]): Drawn[] {
  return panels
    .filter(({ type }) => type !== 'row')
    .map(({ id, type, title = '' }) => {
      const panel = document.querySelector(`[data-panel="${id}"]`);
      const said = panel?.querySelector('[data-said]');
      const text = said?.textContent ?? undefined;
      const [error, nothing] = said?.getAttribute('data-said') === 'error' ? [text] : [undefined, text];
      const marks = panel ? (COUNTS[type]?.(panel) ?? 0) : 0;
      return { id, title, type, answered: panel?.getAttribute('data-answered') === 'true', marks, said: nothing, error };
    });
}
