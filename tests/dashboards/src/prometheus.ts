// Asks Prometheus, and puts its answers into the frames that Grafana's data source would make of them.

import { createDataFrame, FieldType, type DataFrame, type Labels } from '@grafana/data';

import type { Panel, Plan, Target } from './plan';
import { filled, step, type Values } from './variables';

type Sample = [seconds: number, value: string];

interface Series {
  metric: Labels;
  value?: Sample;
  values?: Sample[];
}

/** The answers to the queries of a panel. An error of Prometheus is thrown as it said it. */
export async function frames(panel: Panel, plan: Plan, values: Values): Promise<DataFrame[]> {
  const targets = panel.targets ?? [];
  const answers = targets.map(async (target) => {
    const series = await asked(target, plan, filled(target.expr, values));
    if (target.format === 'table') {
      return [table(target, series, targets.length > 1)];
    }
    return series.map((one) => line(target, one, step(plan)));
  });
  return (await Promise.all(answers)).flat();
}

async function asked(target: Target, plan: Plan, query: string): Promise<Series[]> {
  const span: Record<string, string> = target.instant
    ? { time: `${plan.to}` }
    : { start: `${plan.from}`, end: `${plan.to}`, step: `${step(plan)}` };
  const path = target.instant ? 'query' : 'query_range';
  const answer = await fetch(`${plan.prometheus}/api/v1/${path}`, {
    method: 'POST',
    body: new URLSearchParams({ query, ...span }),
  });
  const { data, error } = (await answer.json()) as { data?: { result: Series[] }; error?: string };
  if (!data) {
    throw new Error(`query ${target.refId}: ${error ?? answer.statusText}`);
  }
  return data.result;
}

function samples(series: Series): Sample[] {
  return series.values ?? (series.value ? [series.value] : []);
}

/** Prometheus writes `+Inf` where JavaScript reads `Infinity`. */
function number(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

function legend(target: Target, metric: Labels): string {
  const format = target.legendFormat;
  if (format && format !== '__auto') {
    return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => metric[label] ?? '');
  }
  const labels = Object.entries(metric).map(([name, value]) => `${name}="${value}"`);
  return labels.length ? `{${labels.join(', ')}}` : 'Value';
}

/** One series is one frame. The time's interval tells the plot where a sample is missing. */
function line(target: Target, series: Series, step: number): DataFrame {
  const name = legend(target, series.metric);
  const points = samples(series);
  return createDataFrame({
    refId: target.refId,
    name,
    fields: [
      { name: 'Time', type: FieldType.time, config: { interval: step * 1000 }, values: points.map(([at]) => at * 1000) },
      {
        name: 'Value',
        type: FieldType.number,
        labels: series.metric,
        config: { displayNameFromDS: name },
        values: points.map(([, value]) => number(value)),
      },
    ],
  });
}

/** All series are one frame: a column for each label, then the value. */
function table(target: Target, series: Series[], many: boolean): DataFrame {
  const labels = [...new Set(series.flatMap((one) => Object.keys(one.metric)))];
  const column = (name: string, type: FieldType, of: (one: Series) => unknown) => ({ name, type, values: series.map(of) });
  return createDataFrame({
    refId: target.refId,
    fields: [
      column('Time', FieldType.time, (one) => (one.value?.[0] ?? 0) * 1000),
      ...labels.map((label) => column(label, FieldType.string, (one) => one.metric[label] ?? '')),
      column(many ? `Value #${target.refId}` : 'Value', FieldType.number, (one) => number(one.value?.[1] ?? 'NaN')),
    ],
  });
}
