// A state timeline. Grafana keeps its own in the server, so this one is drawn here: a row for each series, a span for each state.

import { dateTimeFormat, FieldType, getFieldDisplayName, type DataFrame, type Field } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';

/** Fewest pixels of a span that has its text in it, for each letter and beside them. */
const LETTER = 7;
const PADDING = 8;
/** Pixels between two times on the axis. */
const TICK = 160;
/** The part of the width that the names of the rows take at the most. */
const NAMES = 0.3;

interface Span {
  from: number;
  to: number;
  text: string;
  colour: string;
}

interface Row {
  name: string;
  spans: Span[];
}

/** The times at which each state began and ended. Where a value is missing there is no span. */
function spans(times: number[], { values, display }: Field, end: number): Span[] {
  const found: Span[] = [];
  times.forEach((from, at) => {
    const to = times[at + 1] ?? end;
    const value: unknown = values[at];
    const last = found.at(-1);
    if (value === null || value === undefined || !display) {
      return;
    }
    const { text, color = 'transparent' } = display(value);
    if (last && last.to === from && last.text === text) {
      last.to = to;
    } else {
      found.push({ from, to, text, colour: color });
    }
  });
  return found;
}

function rows(frames: DataFrame[], end: number): Row[] {
  return frames.flatMap((frame) => {
    const times = frame.fields.find(({ type }) => type === FieldType.time)?.values ?? [];
    const states = frame.fields.filter(({ type }) => type !== FieldType.time);
    return states.map((field) => ({ name: getFieldDisplayName(field, frame, frames), spans: spans(times, field, end) }));
  });
}

const cut = { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' } as const;

interface Axis {
  from: number;
  to: number;
  width: number;
}

function States({ row, from, to, width }: Axis & { row: Row }) {
  const { colors } = useTheme2();
  const pixels = (time: number) => ((time - from) / (to - from)) * width;
  return row.spans.map((span) => {
    const wide = pixels(span.to) - pixels(span.from);
    const place = { position: 'absolute', left: pixels(span.from), width: wide, top: '10%', height: '80%' } as const;
    const ink = { background: span.colour, color: colors.getContrastText(span.colour), paddingLeft: PADDING / 2 };
    return (
      <div key={span.from} data-span style={{ ...place, ...cut, ...ink, display: 'flex', alignItems: 'center' }}>
        {wide > span.text.length * LETTER + PADDING && span.text}
      </div>
    );
  });
}

function Times({ from, to, width }: Axis) {
  const many = Math.max(2, Math.floor(width / TICK));
  const ticks = Array.from({ length: many }, (_, at) => from + ((to - from) * at) / many);
  return ticks.map((time, at) => (
    <span key={time} style={{ position: 'absolute', left: (width * at) / many }}>
      {dateTimeFormat(time, { timeZone: 'utc', format: 'HH:mm' })}
    </span>
  ));
}

/** What the colours mean, for spans too short for their text. */
function Legend({ rows }: { rows: Row[] }) {
  const meanings = new Map(rows.flatMap((row) => row.spans).map(({ text, colour }) => [text, colour]));
  return [...meanings].map(([text, colour]) => (
    <span key={text} style={{ marginRight: 16 }}>
      <span style={{ display: 'inline-block', width: 14, height: 4, margin: '0 6px 3px 0', background: colour }} />
      {text}
    </span>
  ));
}

interface Props {
  data: DataFrame[];
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  width: number;
  height: number;
}

export function Timeline({ data, from, to, width, height }: Props) {
  const { typography } = useTheme2();
  const all = rows(data, to);
  const names = Math.min(NAMES * width, Math.max(...all.map(({ name }) => name.length)) * LETTER + PADDING);
  const axis = { from, to, width: width - names };
  const line = { position: 'relative', marginLeft: names } as const;
  return (
    <div style={{ display: 'flex', flexDirection: 'column', width, height, fontSize: typography.bodySmall.fontSize }}>
      {all.map((row) => (
        <div key={row.name} style={{ display: 'flex', flex: '1 1 0', minHeight: 0, alignItems: 'center' }}>
          <span title={row.name} style={{ ...cut, width: names, paddingRight: PADDING }}>
            {row.name}
          </span>
          <div style={{ position: 'relative', width: axis.width, height: '100%' }}>
            <States {...{ row, ...axis }} />
          </div>
        </div>
      ))}
      <div style={{ ...line, height: 20 }}>
        <Times {...axis} />
      </div>
      <div style={{ height: 20 }}>
        <Legend rows={all} />
      </div>
    </div>
  );
}
