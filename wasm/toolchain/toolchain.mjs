// Compiles and links with Go's own tools, in memory. What is run, and with which
// arguments, is planned by grader/build; here the plan is carried out, and what
// came out before is not made again.
import { run } from './wasi.mjs';

/** Thrown when a tool refuses the code: output is what it printed. */
export class ToolError extends Error {
  constructor(tool, code, output) {
    super(`${tool} ended with code ${code}`);
    this.tool = tool;
    this.code = code;
    this.output = output;
  }
}

/**
 * @typedef {{tool: string, args: string[], files: Record<string, Uint8Array>, imports: string[], package: string, out: string, key: string}} Command
 * @typedef {{go: string, key: string, files: Record<string, {parts: string[], bytes: number}>, export: Record<string, {file: string, at: number, size: number}>, objects: Record<string, {file: string, at: number, size: number}>, kit: Record<string, {file: string, at: number, size: number}>}} Manifest
 */

export class Toolchain {
  /**
   * @param {Manifest} manifest
   * @param {(tool: string) => WebAssembly.Module} tool
   * @param {(pack: string) => Uint8Array | undefined} pack the pack of that name, if it is here
   */
  constructor(manifest, tool, pack) {
    this.manifest = manifest;
    this.tool = tool;
    this.pack = pack;
    /** What was made, by key: the newest last. */
    this.made = new Map();
    const kit = pack('kit');
    for (const [key, { at, size }] of Object.entries(kit ? manifest.kit : {})) this.made.set(key, kit.subarray(at, at + size));
  }

  /** The packs that commands need: "more" is needed for rarer packages only. */
  needs(commands) {
    const packs = new Set();
    for (const imp of commands.at(-1).imports) {
      const place = this.manifest.objects[imp];
      if (place) packs.add(place.file);
    }
    return packs;
  }

  /**
   * @param {Command[]} commands
   * @param {(done: number, total: number) => void} [progress]
   * @returns {Uint8Array} the module
   */
  build(commands, progress) {
    const own = new Map();
    let out;
    commands.forEach((c, i) => {
      progress?.(i, commands.length);
      out = this.made.get(c.key);
      this.made.delete(c.key);
      out ??= this.run(c, own);
      this.made.set(c.key, out);
      own.set(c.package, out);
    });
    // Enough for the kit and a few versions of the student's packages.
    for (const key of this.made.keys()) {
      if (this.made.size <= 64) break;
      this.made.delete(key);
    }
    return out;
  }

  /** Runs one command; own are the archives made before it. */
  run(command, own) {
    const files = new Map(Object.entries(command.files));
    const link = command.tool === 'link';
    const add = (imp, place) => {
      const pack = this.pack(place.file);
      if (!pack) throw new Error(`the pack ${place.file} is not here, and ${imp} lies in it`);
      files.set(`/pkg/${imp}.a`, pack.subarray(place.at, place.at + place.size));
    };
    for (const imp of command.imports) {
      const archive = own.get(imp);
      if (archive) files.set(`/pkg/${imp}.a`, archive);
      else if (!link && this.manifest.export[imp]) add(imp, this.manifest.export[imp]);
    }
    if (link) {
      // The linker looks also for what the library's packages import.
      let list = new TextDecoder().decode(files.get('/importcfg'));
      for (const [imp, place] of Object.entries(this.manifest.objects)) {
        if (!this.pack(place.file)) continue;
        add(imp, place);
        if (!list.includes(`packagefile ${imp}=`)) list += `packagefile ${imp}=/pkg/${imp}.a\n`;
      }
      files.set('/importcfg', new TextEncoder().encode(list));
    }
    const r = run(this.tool(command.tool), {
      args: [command.tool, ...command.args], files,
      // Tools that end before a collection would pay need none.
      env: { PWD: '/', TMPDIR: '/tmp', GOGC: 'off', GOMEMLIMIT: '1500MiB', GOROOT: '' },
    });
    const out = r.file(command.out);
    if (r.code !== 0 || !out) throw new ToolError(command.tool, r.code, r.output);
    return out;
  }
}
