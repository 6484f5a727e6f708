// The page: the dashboard's title, its variables as chosen, its links, the time range, and all panels in the grid.

import { dateTimeFormat } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';

import { PanelOnBoard, place } from './panel';
import type { Panel, Plan } from './plan';
import { shown, values } from './variables';

/** Free space around the grid, in pixels. */
const MARGIN = 16;

/** `hide: 2` keeps a variable off the page. */
const HIDDEN = 2;

function Chip({ name, text }: { name?: string; text: string }) {
  const { colors, shape } = useTheme2();
  const box = { border: `1px solid ${colors.border.medium}`, borderRadius: shape.radius.default, padding: '3px 8px' };
  return (
    <span style={{ ...box, background: colors.background.primary, whiteSpace: 'nowrap' }}>
      {name && <span style={{ color: colors.text.secondary, marginRight: 8 }}>{name}</span>}
      {text}
    </span>
  );
}

function Header({ plan }: { plan: Plan }) {
  const { dashboard, from, to } = plan;
  const time = (seconds: number) => dateTimeFormat(seconds * 1000, { timeZone: 'utc', format: 'YYYY-MM-DD HH:mm' });
  const variables = dashboard.templating.list.filter(({ type, hide }) => type !== 'datasource' && hide !== HIDDEN);
  return (
    <header style={{ display: 'flex', flexWrap: 'wrap', gap: 8, alignItems: 'center', padding: '12px 0', fontSize: 12 }}>
      <strong style={{ fontSize: 18, marginRight: 8 }}>{dashboard.title}</strong>
      {variables.map((variable) => (
        <Chip key={variable.name} name={variable.label ?? variable.name} text={shown(variable)} />
      ))}
      <span style={{ flexGrow: 1 }} />
      {dashboard.links?.map(({ title }) => <Chip key={title} text={title} />)}
      <Chip text={`${time(from)} to ${time(to)} UTC`} />
    </header>
  );
}

function Row({ panel, board }: { panel: Panel; board: number }) {
  const { left, top } = place(panel, board);
  return <div style={{ position: 'absolute', left, top: top + 4, fontSize: 16, fontWeight: 500 }}>⌄ {panel.title}</div>;
}

export function Board({ plan, width }: { plan: Plan; width: number }) {
  const board = width - 2 * MARGIN;
  const { panels } = plan.dashboard;
  const filling = values(plan);
  const height = Math.max(...panels.map((panel) => place(panel, board)).map(({ top, height }) => top + height));
  return (
    <main style={{ padding: `0 ${MARGIN}px ${MARGIN}px` }}>
      <Header plan={plan} />
      <div style={{ position: 'relative', height }}>
        {panels.map((panel) =>
          panel.type === 'row' ? (
            <Row key={panel.id} {...{ panel, board }} />
          ) : (
            <PanelOnBoard key={panel.id} {...{ panel, plan, board }} values={filling} />
          ),
        )}
      </div>
    </main>
  );
}
