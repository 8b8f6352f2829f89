// The JavaScript that lives with the Go packages it belongs to.
declare module '*/engine_js.mjs' {
  export function engine(): {
    imports: WebAssembly.ModuleImports;
    modules: Map<string, WebAssembly.Module>;
    bind(instance: WebAssembly.Instance): void;
  };
}
declare module '*/toolchain.mjs' {
  import type { Command, Manifest } from './api.ts';
  export class ToolError extends Error {
    readonly tool: string;
    readonly code: number;
    readonly output: string;
  }
  export class Toolchain {
    constructor(manifest: Manifest, tool: (name: string) => WebAssembly.Module, pack: (name: string) => Uint8Array | undefined);
    needs(commands: Command[]): Set<string>;
    build(commands: Command[], progress?: (done: number, total: number) => void): Uint8Array<ArrayBuffer>;
  }
}
