// One panel: its place in the grid, its frame with title and description, and its content as soon as Prometheus has answered.

import { Component, useEffect, useState, type PropsWithChildren } from 'react';
import { LoadingState, type DataFrame } from '@grafana/data';
import { PanelChrome, useTheme2 } from '@grafana/ui';

import { prepared } from './fields';
import type { Panel, Plan } from './plan';
import { frames } from './prometheus';
import { Said } from './said';
import type { Values } from './variables';
import { Visualization } from './visualizations';

/** Grafana's grid: 24 columns, and rows of 30 pixels, with 8 between them. */
const COLUMNS = 24;
const ROW = 30;
const GAP = 8;

/** Where a panel lies on a board of this width, in pixels. */
export function place({ gridPos: { x, y, w, h } }: Panel, board: number) {
  const column = (board + GAP) / COLUMNS;
  return { left: x * column, top: y * (ROW + GAP), width: w * column - GAP, height: h * (ROW + GAP) - GAP };
}

/** A component that throws leaves a sentence instead of an empty page. */
class Guard extends Component<PropsWithChildren, { error?: string }> {
  override state: { error?: string } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error: String(error) };
  }

  override render() {
    return this.state.error ? <Said error text={this.state.error} /> : this.props.children;
  }
}

interface Props {
  panel: Panel;
  plan: Plan;
  values: Values;
  board: number;
}

export function PanelOnBoard({ panel, plan, values, board }: Props) {
  const theme = useTheme2();
  const [data, setData] = useState<DataFrame[]>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    frames(panel, plan, values)
      .then((answers) => prepared(panel, answers, values, theme))
      .then(setData, (reason) => setError(String(reason)));
  }, [panel, plan, values, theme]);
  const { left, top, width, height } = place(panel, board);
  return (
    <div style={{ position: 'absolute', left, top, width, height }} data-panel={panel.id} data-answered={Boolean(data || error)}>
      <PanelChrome
        title={panel.title}
        description={panel.description}
        width={width}
        height={height}
        loadingState={data || error ? LoadingState.Done : LoadingState.Loading}
      >
        {(innerWidth, innerHeight) => (
          <Guard>
            {error && <Said error text={error} />}
            {data && <Visualization {...{ panel, plan, data, width: innerWidth, height: innerHeight }} />}
          </Guard>
        )}
      </PanelChrome>
    </div>
  );
}
