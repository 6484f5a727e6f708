// The command: draws dashboards in a headless Chromium, writes pictures, and says of each panel what has been drawn. It only reads.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { launch, type Browser, type Page } from 'puppeteer-core';

import type { Dashboard, Drawn, Plan } from './plan';

const USAGE = `Usage: draw --prometheus URL [option ...] DASHBOARD.json ...

  --prometheus URL    The Prometheus to ask.
  --output DIRECTORY  Where pictures and drawn.json are written (default: .).
  --width PIXELS      Width of a picture; may be given several times (default: 1440).
  --height PIXELS     Only whole panels up to this height (default: all of them).
  --theme NAME        dark or light; may be given both (default: dark).
  --until SECONDS     End of the time range, in seconds since 1970 (default: now).
  --range SECONDS     Length of the time range (default: 10800).
  --scrape SECONDS    Time between two samples (default: 60).

A picture is named DASHBOARD-THEME-WIDTH.png. The exit code is 1 if a panel was not drawn.`;

/** How long the answers to a page's queries may take, in milliseconds: a busy machine needs a second for each. */
const PATIENCE = 60_000;
/** How long a panel may take to show what was answered. */
const GRACE = 5_000;

interface Wish {
  file: string;
  width: number;
  height?: number;
  output: string;
}

function finished(panel: Drawn): boolean {
  return panel.marks > 0 || panel.said !== undefined || panel.error !== undefined;
}

/** Waits until every panel has been drawn or says why not; whoever has not by then is told as not drawn. */
async function settled(page: Page): Promise<Drawn[]> {
  let end = Date.now() + PATIENCE;
  let answered = false;
  for (;;) {
    await page.evaluate(() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))));
    const panels = (await page.evaluate(() => window.drawn?.())) ?? [];
    if (panels.length && panels.every(finished)) {
      return panels;
    }
    if (!answered && panels.length && panels.every((panel) => panel.answered)) {
      answered = true;
      end = Date.now() + GRACE;
    }
    if (Date.now() > end) {
      return panels.map((panel) => (finished(panel) ? panel : { ...panel, error: 'nothing was drawn' }));
    }
  }
}

/** Where the picture ends: below the last panel up to this height, and never within a panel. */
function end(page: Page, highest: number): Promise<number> {
  return page.evaluate((highest) => {
    const margin = 8; // that of the grid: a wider one would show the beginning of the next panel
    const panels = [...document.querySelectorAll('[data-panel]')].map((panel) => panel.getBoundingClientRect());
    const whole = (y: number) => panels.every(({ top, bottom }) => bottom <= y || top >= y);
    const ends = panels.map(({ bottom }) => bottom).filter((y) => y + margin <= highest && whole(y));
    return Math.max(...ends) + margin;
  }, highest);
}

async function picture(browser: Browser, plan: Plan, wish: Wish): Promise<Drawn[]> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(`${wish.file}: ${String(error)}`));
  const rows = Math.max(...plan.dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  // High enough for everything, so that nothing is left out because it is out of sight.
  await page.setViewport({ width: wish.width, height: 200 + rows * 38 });
  await page.evaluateOnNewDocument((given) => {
    window.plan = given;
  }, plan);
  await page.goto(new URL('index.html', import.meta.url).href);
  const panels = await settled(page);
  const clip = { x: 0, y: 0, width: wish.width, height: await end(page, wish.height ?? Infinity) };
  await writeFile(join(wish.output, wish.file), await page.screenshot({ clip }));
  await page.close();
  return panels;
}

function told(file: string, panels: Drawn[]): void {
  console.log(`${file}: ${panels.length} panels`);
  for (const { title, said, error } of panels) {
    if (said !== undefined || error !== undefined) {
      console.log(`  ${title}: ${error ?? `"${said}"`}`);
    }
  }
}

function arguments_() {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      prometheus: text,
      output: { ...text, default: '.' },
      width: { ...text, multiple: true, default: ['1440'] },
      height: text,
      theme: { ...text, multiple: true, default: ['dark'] },
      until: { ...text, default: `${Math.floor(Date.now() / 1000)}` },
      range: { ...text, default: '10800' },
      scrape: { ...text, default: '60' },
    },
  });
  if (!values.prometheus || positionals.length === 0 || values.theme.some((name) => name !== 'dark' && name !== 'light')) {
    throw new TypeError('a Prometheus and at least one dashboard are needed, and a theme is dark or light');
  }
  return { ...values, prometheus: values.prometheus, themes: values.theme as Plan['theme'][], files: positionals };
}

async function main(): Promise<number> {
  const given = arguments_();
  const [to, range, scrape] = [Number(given.until), Number(given.range), Number(given.scrape)];
  await mkdir(given.output, { recursive: true });
  // Chromium's own sandbox needs rights that a container seldom has, and nothing but our own page is opened.
  const browser = await launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--allow-file-access-from-files'], // the page fetches its icons
  });
  const all: Record<string, Drawn[]> = {};
  for (const path of given.files) {
    const dashboard = JSON.parse(await readFile(path, 'utf8')) as Dashboard;
    for (const theme of given.themes) {
      const plan: Plan = { dashboard, prometheus: given.prometheus, theme, from: to - range, to, scrape };
      for (const width of given.width.map(Number)) {
        const file = `${basename(path, '.json')}-${theme}-${width}.png`;
        const height = given.height === undefined ? undefined : Number(given.height);
        all[file] = await picture(browser, plan, { file, width, height, output: given.output });
        told(file, all[file]);
      }
    }
  }
  await browser.close();
  await writeFile(join(given.output, 'drawn.json'), `${JSON.stringify(all, null, 2)}\n`);
  return Object.values(all).flat().some(({ error }) => error !== undefined) ? 1 : 0;
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(error instanceof TypeError ? `draw: ${error.message}\n\n${USAGE}` : error);
    process.exitCode = 2;
  },
);
