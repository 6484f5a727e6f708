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

interface Answer {
  data?: { resultType: 'matrix' | 'vector'; result: Series[] } | { resultType: 'scalar'; result: Sample };
  error?: string;
}

/** The answers to the queries of a panel. An error of Prometheus is thrown as it said it. */
export async function frames(panel: Panel, plan: Plan, values: Values): Promise<DataFrame[]> {
  const targets = panel.targets ?? [];
  const answers = targets.map(async (target) => {
    const series = await asked(target, plan, filled(target.expr, values));
    if (target.format === 'table') {
      return [table(target, series, targets.length > 1)];
    }
    return series.map((one) => line(target, one, plan));
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
  const { data, error } = (await answer.json()) as Answer;
  if (!data) {
    throw new Error(`query ${target.refId}: ${error ?? answer.statusText}`);
  }
  return data.resultType === 'scalar' ? [{ metric: {}, value: data.result }] : data.result;
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

/** The samples of a range at every step of it. Where one is missing stands null, or the plot would draw a line across the gap. */
function points(series: Series, plan: Plan): [times: number[], values: (number | null)[]] {
  if (!series.values) {
    return [[plan.to * 1000], [number(series.value?.[1] ?? 'NaN')]];
  }
  const found = new Map(series.values);
  const steps = Array.from({ length: Math.floor((plan.to - plan.from) / step(plan)) + 1 }, (_, at) => plan.from + at * step(plan));
  const values = steps.map((seconds) => found.get(seconds)).map((text) => (text === undefined ? null : number(text)));
  return [steps.map((seconds) => seconds * 1000), values];
}

/** One series is one frame. */
function line(target: Target, series: Series, plan: Plan): DataFrame {
  const name = legend(target, series.metric);
  const [times, values] = points(series, plan);
  const config = { displayNameFromDS: name };
  return createDataFrame({
    refId: target.refId,
    name,
    fields: [
      { name: 'Time', type: FieldType.time, values: times },
      { name: 'Value', type: FieldType.number, labels: series.metric, config, values },
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
