// Style sheets are bundled by esbuild; TypeScript has nothing to know of them.

declare module '*.css';
