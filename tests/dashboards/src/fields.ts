// Between the answers and the picture: transformations, units, mappings, thresholds and overrides, all with Grafana's own code.

import { firstValueFrom } from 'rxjs';
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  displayNameOverrideProcessor,
  FieldConfigOptionsRegistry,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  transformDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
  type DataFrame,
  type DataTransformerInfo,
  type FieldConfigPropertyItem,
  type FieldOverrideContext,
  type GrafanaTheme2,
} from '@grafana/data';

import type { Panel } from './plan';
import { filled, type Values } from './variables';

/** `any` is what Grafana's own processors take and give; `never` could not stand for all of them. */
type Process = (value: never, context: FieldOverrideContext, settings?: never) => unknown;

const STANDARD: Record<string, Process> = {
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  color: identityOverrideProcessor,
  links: identityOverrideProcessor,
};

/** A property of a field's configuration. Nobody edits here, so it has no editor. */
function property(path: string, process: Process, isCustom: boolean): FieldConfigPropertyItem {
  const item = { id: isCustom ? `custom.${path}` : path, path, name: path, isCustom, process, settings: {} };
  const never = () => null;
  return { ...item, override: never, editor: never, shouldApply: () => true } as unknown as FieldConfigPropertyItem;
}

function standard(): FieldConfigPropertyItem[] {
  return Object.entries(STANDARD).map(([path, process]) => property(path, process, false));
}

/** The custom properties that a panel sets, whatever kind of panel it is. */
function custom(panel: Panel): FieldConfigPropertyItem[] {
  const defaults = Object.keys(panel.fieldConfig?.defaults.custom ?? {});
  const overridden = (panel.fieldConfig?.overrides ?? []).flatMap((override) => override.properties.map(({ id }) => id));
  const ids = overridden.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length));
  return [...new Set([...defaults, ...ids])].map((path) => property(path, identityOverrideProcessor, true));
}

/** Grafana's registries, which its own start would fill. */
export function register(): void {
  const known = new Map<string, DataTransformerInfo>();
  for (const transformer of Object.values(standardTransformers) as DataTransformerInfo[]) {
    known.set(transformer.id, transformer);
  }
  standardTransformersRegistry.setInit(() =>
    [...known.values()].map((one) => ({
      id: one.id,
      name: one.name,
      transformation: async () => one,
      editor: () => null,
      imageDark: '',
      imageLight: '',
    })),
  );
  standardEditorsRegistry.setInit(() => []);
  standardFieldConfigEditorRegistry.setInit(standard);
}

/** The frames as a panel shows them. */
export async function prepared(
  panel: Panel,
  answers: DataFrame[],
  values: Values,
  theme: GrafanaTheme2,
): Promise<DataFrame[]> {
  const replaceVariables = (text: string) => filled(text, values);
  const transformations = panel.transformations ?? [];
  const transformed = await firstValueFrom(
    transformDataFrame(transformations, answers, { interpolate: replaceVariables }),
  );
  const done = applyFieldOverrides({
    data: transformed,
    fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
    fieldConfigRegistry: new FieldConfigOptionsRegistry(() => [...standard(), ...custom(panel)]),
    replaceVariables,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(done);
  return done;
}
