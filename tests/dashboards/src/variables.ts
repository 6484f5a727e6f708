// The variables of a dashboard as they stand when it is opened, and the text in which they are put in. Nobody chooses here.

import type { Plan, Variable } from './plan';

export type Values = Map<string, string>;

/** Fewest samples that a rate is taken over, as Grafana has it. */
const SAMPLES_OF_A_RATE = 4;
/** More points than this nobody can tell apart on a panel. */
const POINTS = 480;

const ALL = '$__all';

function chosen(variable: Variable): string {
  const value = [variable.current?.value ?? []].flat();
  return value.includes(ALL) ? (variable.allValue ?? '.*') : value.join('|');
}

/** What a reader sees of a variable above the panels. */
export function shown(variable: Variable): string {
  return [variable.current?.text ?? []].flat().join(' + ');
}

/** Seconds between two points of a panel. */
export function step(plan: Plan): number {
  return Math.max(plan.scrape, Math.ceil((plan.to - plan.from) / POINTS / plan.scrape) * plan.scrape);
}

export function values(plan: Plan): Values {
  const of = new Map(plan.dashboard.templating.list.map((variable) => [variable.name, chosen(variable)]));
  of.set('__rate_interval', `${Math.max(step(plan) + plan.scrape, SAMPLES_OF_A_RATE * plan.scrape)}s`);
  of.set('__interval', `${step(plan)}s`);
  of.set('__range', `${plan.to - plan.from}s`);
  return of;
}

/** `$name`, `${name}` and `${name:format}`; what nobody declared stays, since `$1` belongs to PromQL. */
export function filled(text: string, values: Values): string {
  const once = (from: string) =>
    from.replace(/\$(?:\{(\w+)(?::\w+)?\}|(\w+))/g, (whole, braced, bare) => values.get(braced ?? bare) ?? whole);
  return once(once(text)); // a variable's value may name others
}
