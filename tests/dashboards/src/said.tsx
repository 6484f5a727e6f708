// A sentence in the place of a panel's data. The report finds it again by its attribute.

export function Said({ text, error = false }: { text: string; error?: boolean }) {
  const style = { display: 'grid', placeContent: 'center', height: '100%', padding: 8, textAlign: 'center' } as const;
  return (
    <div style={style} data-said={error ? 'error' : 'nothing'}>
      {text}
    </div>
  );
}
