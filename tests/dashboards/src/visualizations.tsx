// The kinds of panels that are drawn, with Grafana's own components wherever it exports one. A kind that is not here is said to be missing.

import { type ReactElement } from 'react';
import {
  dateTime,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  makeTimeRange,
  VizOrientation,
  type DataFrame,
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
} from '@grafana/data';
import {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeValueMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  TableCellHeight,
  type ReduceDataOptions,
  type VizLegendOptions,
  type VizTextDisplayOptions,
} from '@grafana/schema';
import { BarGauge, BigValue, TimeSeries, useTheme2, VizRepeater, type VizRepeaterRenderValueProps } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

import { Said } from './said';
import type { Panel, Plan } from './plan';
import { Timeline } from './timeline';

export interface Content {
  panel: Panel;
  plan: Plan;
  data: DataFrame[];
  width: number;
  height: number;
}

/** What a panel says in place of data, in the words of its author if there are any. */
function Nothing({ panel }: Content) {
  return <Said text={panel.fieldConfig?.defaults.noValue ?? 'No data'} />;
}

function option<Value>(panel: Panel, name: string, otherwise: Value): Value {
  return (panel.options?.[name] as Value | undefined) ?? otherwise;
}

/** The values of panels that reduce every series to one. */
function useReduced({ panel, data }: Content): FieldDisplay[] {
  return getFieldDisplayValues({
    fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
    reduceOptions: option<ReduceDataOptions>(panel, 'reduceOptions', { calcs: ['lastNotNull'] }),
    replaceVariables: (text) => text,
    theme: useTheme2(),
    data,
    sparkline: false,
    timeZone: 'utc',
  });
}

type One = VizRepeaterRenderValueProps<FieldDisplay, DisplayValueAlignmentFactors>;

/** One value beside or below another, as Grafana arranges them. */
function Repeated(props: Content & { one: (value: One) => ReactElement }) {
  const { panel, width, height, one } = props;
  const values = useReduced(props);
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={() => values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={one}
      source={values}
      renderCounter={0}
      width={width}
      height={height}
      autoGrid
      minVizHeight={option(panel, 'minVizHeight', 16)}
      maxVizHeight={option<number | undefined>(panel, 'maxVizHeight', undefined)}
      orientation={option(panel, 'orientation', VizOrientation.Auto)}
    />
  );
}

function Stat(props: Content) {
  const theme = useTheme2();
  const { panel } = props;
  const one = ({ value, ...space }: One) => (
    <BigValue
      {...space}
      value={value.display}
      theme={theme}
      colorMode={option(panel, 'colorMode', BigValueColorMode.Value)}
      graphMode={option(panel, 'graphMode', BigValueGraphMode.None)}
      justifyMode={option(panel, 'justifyMode', BigValueJustifyMode.Auto)}
      textMode={option(panel, 'textMode', BigValueTextMode.Auto)}
    />
  );
  return <Repeated {...props} one={one} />;
}

function Bars(props: Content) {
  const theme = useTheme2();
  const { panel } = props;
  const one = ({ value, ...space }: One) => (
    <BarGauge
      {...space}
      value={value.display}
      field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
      theme={theme}
      text={option<VizTextDisplayOptions>(panel, 'text', {})}
      displayMode={option(panel, 'displayMode', BarGaugeDisplayMode.Gradient)}
      valueDisplayMode={option(panel, 'valueMode', BarGaugeValueMode.Color)}
      namePlacement={option(panel, 'namePlacement', BarGaugeNamePlacement.Auto)}
      showUnfilled={option(panel, 'showUnfilled', true)}
    />
  );
  return <Repeated {...props} one={one} />;
}

function Table({ panel, plan, data, width, height }: Content) {
  const [frame] = data;
  if (!frame?.length) {
    return <Nothing {...{ panel, plan, data, width, height }} />;
  }
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noValue={panel.fieldConfig?.defaults.noValue}
      sortBy={option(panel, 'sortBy', [])}
      noHeader={!option(panel, 'showHeader', true)}
      cellHeight={option(panel, 'cellHeight', TableCellHeight.Sm)}
      frozenColumns={option<{ left?: number }>(panel, 'frozenColumns', {}).left}
      getActions={() => []}
    />
  );
}

function Lines({ panel, plan, data, width, height }: Content) {
  if (!data.some((frame) => frame.length)) {
    return <Nothing {...{ panel, plan, data, width, height }} />;
  }
  const range = makeTimeRange(dateTime(plan.from * 1000), dateTime(plan.to * 1000));
  const legend: VizLegendOptions = option(panel, 'legend', {} as VizLegendOptions);
  return (
    <TimeSeries frames={data} width={width} height={height} timeRange={range} timeZone="utc" legend={legend} options={{}} />
  );
}

function States({ panel, plan, data, width, height }: Content) {
  if (!data.some((frame) => frame.length)) {
    return <Nothing {...{ panel, plan, data, width, height }} />;
  }
  return <Timeline from={plan.from * 1000} to={plan.to * 1000} {...{ data, width, height }} />;
}

/** Text is shown as it was written, without its markup made beautiful. */
function Text({ panel }: Content) {
  return <div style={{ whiteSpace: 'pre-wrap' }}>{option(panel, 'content', '')}</div>;
}

const KINDS: Record<string, (content: Content) => ReactElement> = {
  bargauge: Bars,
  stat: Stat,
  'state-timeline': States,
  table: Table,
  text: Text,
  timeseries: Lines,
};

export function Visualization(content: Content) {
  const Kind = KINDS[content.panel.type];
  return Kind ? <Kind {...content} /> : <Said error text={`panels of the type ${content.panel.type} are not drawn here`} />;
}
