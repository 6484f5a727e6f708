// What runs in the browser: draws the plan that it finds in the window, and answers there what it has drawn.

import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';

import { createRoot } from 'react-dom/client';
import { createTheme, ThemeContext } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles } from '@grafana/ui';

import { Board } from './board';
import { register } from './fields';
import { drawn } from './marks';
import type { Drawn, Plan } from './plan';

declare global {
  interface Window {
    plan: Plan;
    /** Set as soon as the page begins to draw. */
    drawn?: () => Drawn[];
  }
}

async function draw(plan: Plan): Promise<void> {
  await initPluginTranslations('grafana', []);
  register();
  const root = document.querySelector('#root');
  if (!root) {
    throw new Error('the page has no place to draw in');
  }
  createRoot(root).render(
    <ThemeContext.Provider value={createTheme({ colors: { mode: plan.theme } })}>
      <GlobalStyles />
      <Board plan={plan} width={window.innerWidth} />
    </ThemeContext.Provider>,
  );
  window.drawn = () => drawn(plan.dashboard.panels);
}

void draw(window.plan);
