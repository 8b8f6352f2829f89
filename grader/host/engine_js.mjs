// The WebAssembly of a browser or of node as an engine for grader/host: the
// functions that engine_js.go imports, and the system that a student's program
// sees. Every answer here is that of wasi.go and process.go, to the byte: the
// package's tests run on both.

import { Files } from './files_js.mjs';

const NEVER = (1n << 63n) - 1n; // sim.Never
const EPOCH = 1704067200n * 1000000000n; // wasi.go
const MONO = 1000000000n;
const CLOCK_FUEL = 25; // wasi.go
const PRINT_MAX = 64 << 20;
const FAULT = 21, NOSYS = 52;
const STDERR = 2, DONE = 3;
const STOP_SPIN = 1, STOP_DEADLOCK = 4; // wire/frame.go
const STOP_PROC_EXIT = 100, STOP_KIT = 102; // process.go
const NO_REASON = 'it ended for a reason that there is not'; // process.go
const EMIT = 1, STDOUT = 2, STDERR_LOG = 3, STOP = 4, TRAP = 5; // engine_js.go
const RETURNED = 0, TRAPPED = 1, STOPPED = 2, TOO_DEEP = 3;
const U64 = (1n << 64n) - 1n;

/** Thrown by a host function to leave the program for good. */
class Stopped extends Error {}

/** random.go: splitmix64 from a state that the grader has made. */
class Random {
  constructor(state) {
    this.s = state & U64;
  }
  next() {
    this.s = (this.s + 0x9e3779b97f4a7c15n) & U64;
    let z = this.s;
    z = ((z ^ z >> 30n) * 0xbf58476d1ce4e5b9n) & U64;
    z = ((z ^ z >> 27n) * 0x94d049bb133111ebn) & U64;
    return z ^ z >> 31n;
  }
}

/** One running program. */
class Program {
  constructor(module, random, offset) {
    this.random = new Random(random);
    this.offset = offset;
    this.local = 0n; // as in process.go
    this.last = 0n;
    this.deadline = NEVER;
    this.printed = 0;
    this.files = new Files(this);
    this.log = new Uint8Array(4096);
    this.used = 0;
    this.event = null; // [memory, address, length]
    const imports = {};
    for (const f of WebAssembly.Module.imports(module)) {
      const mine = f.module === 'raftlab' ? this.kit() : this.system();
      (imports[f.module] ??= {})[f.name] = mine[f.name] ?? (() => NOSYS);
    }
    const { exports } = new WebAssembly.Instance(module, imports);
    if (!exports.raftlab_step || !exports._initialize) throw new Error('the module exports no raftlab_step or no _initialize: build it with -buildmode=c-shared and the kit');
    this.exports = exports;
    this.memory = exports.memory ?? exports.mem;
    this.fuel = exports.raftlab_fuel;
    this.exit = exports.raftlab_exit;
  }

  /** The program's memory, which moves when it grows. */
  view() {
    const b = this.memory.buffer;
    if (b !== this.buffer) {
      this.buffer = b;
      this.bytes = new Uint8Array(b);
      this.data = new DataView(b);
    }
    return this.data;
  }

  /** Whether n bytes at p are all there. */
  has(p, n) { return (p >>> 0) + (n >>> 0) <= this.bytes.length; }

  burn(n) { this.fuel.value -= BigInt(n >>> 0); }

  room(n) {
    if (this.used + n <= this.log.length) return;
    const b = new Uint8Array(2 * (this.used + n));
    b.set(this.log.subarray(0, this.used));
    this.log = b;
  }

  /** Adds an entry to the log. */
  note(kind, bytes) {
    const n = bytes.length;
    this.room(n + 5);
    const b = this.log;
    let at = this.used;
    b[at++] = kind; b[at++] = n; b[at++] = n >>> 8; b[at++] = n >>> 16; b[at++] = n >>> 24;
    b.set(bytes, at);
    this.used = at + n;
  }

  stop(reason, text) {
    const b = new Uint8Array(4 + text.length);
    new DataView(b.buffer).setInt32(0, reason, true);
    b.set(text, 4);
    this.note(STOP, b);
    throw new Stopped();
  }

  read() {
    this.last = this.local;
    this.local = this.last + 1n;
    return this.last;
  }

  at(p, n) { return this.has(p, n) ? this.bytes.subarray(p >>> 0, (p >>> 0) + (n >>> 0)) : new Uint8Array(0); }

  put32(p, v) {
    const d = this.view();
    if (!this.has(p, 4)) return FAULT;
    d.setUint32(p >>> 0, v, true);
    return 0;
  }

  kit() {
    return this.kitFunctions ??= {
      emit: (p, n) => { this.view(); this.burn(n); this.note(EMIT, this.at(p, n)); },
      event: (p, n) => {
        this.view();
        if (!this.event || !this.has(p, n)) return;
        const [from, at, length] = this.event;
        this.bytes.set(new Uint8Array(from, at, Math.min(length, n >>> 0)), p >>> 0);
      },
      stop: (reason, p, n) => {
        this.view();
        if (reason < STOP_SPIN || reason > STOP_DEADLOCK) this.stop(STOP_KIT, new TextEncoder().encode(NO_REASON));
        this.stop(reason, this.at(p, n));
      },
    };
  }

  system() {
    if (this.systemFunctions) return this.systemFunctions;
    const succeed = () => 0;
    const noStrings = (a, b) => this.put32(a, 0) | this.put32(b, 0);
    return this.systemFunctions = {
      args_get: succeed, args_sizes_get: noStrings, environ_get: succeed, environ_sizes_get: noStrings,
      sched_yield: succeed, fd_fdstat_set_flags: succeed,
      ...this.files.system(),
      clock_time_get: (id, _precision, p) => {
        const d = this.view();
        this.burn(CLOCK_FUEL);
        let t = this.read() + MONO;
        if (id === 0) t += EPOCH - MONO + this.offset;
        if (!this.has(p, 8)) return FAULT;
        d.setBigInt64(p >>> 0, t, true);
        return 0;
      },
      random_get: (p, n) => {
        const d = this.view();
        if (!this.has(p, n)) return FAULT;
        this.burn(n);
        p >>>= 0; n >>>= 0;
        for (; n >= 8; p += 8, n -= 8) d.setBigUint64(p, this.random.next(), true);
        if (n > 0) for (let w = this.random.next(); n > 0; n--, w >>= 8n) this.bytes[p++] = Number(w & 255n);
        return 0;
      },
      fd_fdstat_get: (fd, p) => {
        this.view();
        if (!this.has(p, 24)) return FAULT;
        p >>>= 0; fd >>>= 0;
        this.bytes.fill(0, p, p + 24);
        if (fd <= STDERR) this.bytes[p] = 2;
        else if (fd <= DONE) { this.bytes[p] = 6; this.bytes[p + 2] = 4; } else return this.files.status(fd, p);
        return 0;
      },
      fd_read: (fd, v, n, p) => fd === 0 ? this.put32(p, 0) : this.files.readAt(fd, v, n, undefined, p),
      fd_write: (fd, v, n, p) => this.write(fd, v >>> 0, n >>> 0, p),
      poll_oneoff: (subs, evs, n, p) => this.poll(subs >>> 0, evs >>> 0, n >>> 0, p),
      proc_exit: () => this.stop(STOP_PROC_EXIT, new Uint8Array(0)),
    };
  }

  write(fd, v, n, p) {
    if (fd !== 1 && fd !== STDERR) return this.files.writeAt(fd, v, n, undefined, p);
    let total = 0;
    const err = this.files.vectors(v, n, (b) => {
      this.burn(Math.floor(b.length / 16) + 16);
      this.note(fd === STDERR ? STDERR_LOG : STDOUT, b);
      if ((this.printed += b.length) > PRINT_MAX) throw new Stopped(); // Go's side finds the same
      total += b.length;
    });
    return err || this.put32(p, total >>> 0);
  }

  poll(subs, evs, n, p) {
    const d = this.view(), m = this.bytes;
    if (n > 1 << 16 || !this.has(subs, n * 48) || !this.has(evs, n * 32)) return FAULT;
    let deadline = NEVER, done = -1;
    for (let i = 0; i < n; i++) {
      const s = subs + 48 * i;
      if (m[s + 8] === 0) {
        let t = d.getBigInt64(s + 24, true);
        if (d.getUint16(s + 40, true) & 1) t -= MONO;
        else if (t === 0n) return this.put32(p, 0);
        else if (t < 0n || t > 1n << 62n) continue;
        else t += this.last;
        if (t < deadline) deadline = t;
      } else if (m[s + 8] === 1) {
        if (d.getUint32(s + 16, true) === DONE) done = s;
      }
    }
    if (done < 0) {
      if (deadline !== NEVER && deadline > this.local) this.local = deadline;
      m.fill(0, evs, evs + 32 * n);
      for (let i = 0; i < n; i++) m.copyWithin(evs + 32 * i, subs + 48 * i, subs + 48 * i + 8);
      return this.put32(p, n);
    }
    this.deadline = deadline > this.last ? deadline : this.last + 1n;
    m.fill(0, evs, evs + 32);
    m.copyWithin(evs, done, done + 8);
    m[evs + 10] = 1;
    d.setBigUint64(evs + 16, 1n, true);
    return this.put32(p, 1);
  }

  /** Runs code of the program; returns how it ended. */
  run(now, fuel, event, code) {
    if (now > this.local) this.local = now;
    this.event = event;
    this.deadline = NEVER;
    this.used = 0;
    this.fuel.value = fuel;
    try {
      code();
      return RETURNED;
    } catch (e) {
      if (e instanceof Stopped) return STOPPED;
      if (e instanceof RangeError || e?.name === 'InternalError') return TOO_DEEP;
      this.note(TRAP, new TextEncoder().encode(String(e)));
      return TRAPPED;
    } finally {
      this.event = null;
    }
  }
}

/**
 * engine makes the imports for one grader: put them in its import object as
 * raftlab_engine, and call bind with its instance. modules holds what was
 * compiled, by the SHA-256 of the module before it was rewritten: another
 * worker's may be put there.
 */
export function engine() {
  /** @type {Map<string, WebAssembly.Module>} */
  const modules = new Map();
  const compiled = [];
  const running = [];
  const idle = [];
  let memory, why = '';
  const bytes = (p, n) => new Uint8Array(memory.buffer, p >>> 0, n >>> 0);
  const hex = (p) => Array.from(bytes(p, 32), (b) => b.toString(16).padStart(2, '0')).join('');
  const finish = (program, status, out) => {
    const d = new DataView(memory.buffer);
    out >>>= 0;
    d.setBigInt64(out, program.fuel.value, true);
    d.setBigInt64(out + 8, program.deadline, true);
    d.setBigInt64(out + 16, program.exit.value, true);
    d.setInt32(out + 24, status, true);
    d.setUint32(out + 28, program.used, true);
  };
  const imports = {
    compile(p, n, hash) {
      try {
        const module = new WebAssembly.Module(bytes(p, n));
        modules.set(hex(hash), module);
        return compiled.push(module) - 1;
      } catch (e) {
        why = String(e?.message ?? e);
        return -1;
      }
    },
    find(hash) {
      const module = modules.get(hex(hash));
      return module ? compiled.push(module) - 1 : -1;
    },
    free(m) { compiled[m] = undefined; },
    instantiate(m, random, offset) {
      try {
        const program = new Program(compiled[m], random, offset);
        const i = idle.pop() ?? running.length;
        running[i] = program;
        return i;
      } catch (e) {
        why = String(e?.message ?? e);
        return -1;
      }
    },
    why(p, max) { return new TextEncoder().encodeInto(why, bytes(p, max)).written; },
    initialize(i, now, fuel, out) {
      const program = running[i];
      finish(program, program.run(now, fuel, null, program.exports._initialize), out);
    },
    step(i, now, fuel, event, n, out) {
      const program = running[i];
      const step = program.exports.raftlab_step;
      finish(program, program.run(now, fuel, n ? [memory.buffer, event >>> 0, n >>> 0] : null, () => step(n, now)), out);
    },
    take(i, p) {
      const { log, used } = running[i];
      bytes(p, used).set(log.subarray(0, used));
      if (log.length > 1 << 20) running[i].log = new Uint8Array(4096);
    },
    close(i) {
      if (!running[i]) return;
      running[i] = undefined;
      idle.push(i);
    },
  };
  return { imports, modules, bind(instance) { memory = instance.exports.mem; } };
}
