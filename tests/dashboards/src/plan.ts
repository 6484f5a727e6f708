// What the page in the browser is told to draw, and what it tells of what it has drawn.

import type { DataTransformerConfig, FieldConfigSource } from '@grafana/data';

/** One picture. */
export interface Plan {
  dashboard: Dashboard;
  /** `http://127.0.0.1:9090` */
  prometheus: string;
  theme: 'dark' | 'light';
  /** The time range, in seconds since 1970. */
  from: number;
  to: number;
  /** Seconds between two samples. */
  scrape: number;
}

/** What became of one panel. */
export interface Drawn {
  id: number;
  title: string;
  type: string;
  /** Whether Prometheus has answered. */
  answered: boolean;
  /** Rows, values, states, or series whose colour is on the canvas. */
  marks: number;
  /** What stands there in place of data. */
  said?: string;
  /** Why it is not drawn. */
  error?: string;
}

/** A dashboard in Grafana's classic JSON, as far as it is drawn. */
export interface Dashboard {
  title: string;
  panels: Panel[];
  templating: { list: Variable[] };
  links?: { title: string }[];
}

export interface Panel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: Target[];
  fieldConfig?: FieldConfigSource;
  transformations?: DataTransformerConfig[];
  options?: Record<string, unknown>;
}

export interface Target {
  refId: string;
  expr: string;
  instant?: boolean;
  format?: string;
  legendFormat?: string;
}

export interface Variable {
  name: string;
  type: string;
  label?: string;
  hide?: number;
  allValue?: string;
  current?: { text?: string | string[]; value?: string | string[] };
}
