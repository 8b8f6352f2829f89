// A small operating system for one run of a Go tool built for wasip1: arguments,
// a few variables, and files in memory. No network, no processes, no real time
// to wait for.

const OK = 0, BADF = 8, EXIST = 20, INVAL = 28, ISDIR = 31, NOENT = 44, NOSYS = 52, NOTDIR = 54, SPIPE = 70;
const TYPE_CHAR = 2, TYPE_DIR = 3, TYPE_FILE = 4; // filetype
const CREATE = 1, DIRECTORY = 2, EXCLUSIVE = 4, TRUNCATE = 8; // oflags
const APPEND = 1; // fdflags
const encoder = new TextEncoder();
const decoder = new TextDecoder();

class Exit extends Error {
  constructor(code) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** A file's bytes; those of an input are shared until somebody writes. */
class File {
  constructor(bytes) {
    this.bytes = bytes;
    this.size = bytes.length;
    this.own = false;
  }
  /** Makes room for n bytes. */
  reserve(n) {
    if (this.own && this.bytes.length >= n) return;
    const b = new Uint8Array(Math.max(n, this.own ? 2 * this.bytes.length : this.size, 4096));
    b.set(this.bytes.subarray(0, this.size));
    this.bytes = b;
    this.own = true;
  }
  resize(n) {
    this.reserve(n);
    if (n < this.size) this.bytes.fill(0, n, this.size);
    this.size = n;
  }
}

function clean(path) {
  const out = [];
  for (const part of path.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return `/${out.join('/')}`;
}

/**
 * run runs a tool to its end. files holds what it may read, by absolute path.
 * @param {WebAssembly.Module} module
 * @param {{args: string[], env?: Record<string, string>, files: Map<string, Uint8Array>, outputMax?: number}} o
 * @returns {{code: number, output: string, file: (path: string) => Uint8Array | undefined}}
 */
export function run(module, { args, env = {}, files, outputMax = 1 << 20 }) {
  const tree = new Map();
  const folders = new Set(['/']);
  const addFolders = (path) => {
    for (let i = path.lastIndexOf('/'); i > 0; i = path.lastIndexOf('/', i - 1)) folders.add(path.slice(0, i));
  };
  for (const [path, bytes] of files) {
    tree.set(path, new File(bytes));
    addFolders(path);
  }
  addFolders('/tmp/x');

  const open = [{ kind: TYPE_CHAR }, { kind: TYPE_CHAR }, { kind: TYPE_CHAR }, { kind: TYPE_DIR, path: '/' }];
  const variables = Object.entries(env).map(([k, v]) => `${k}=${v}`);
  const output = [];
  let printed = 0;
  let memory, buffer, u8, view;
  const look = () => {
    if (memory.buffer !== buffer) {
      buffer = memory.buffer;
      u8 = new Uint8Array(buffer);
      view = new DataView(buffer);
    }
  };
  const path = (fd, p, n) => clean(`${open[fd]?.path ?? ''}/${decoder.decode(u8.subarray(p, p + n))}`);
  const enter = (entry) => {
    let fd = 4;
    while (open[fd]) fd++;
    open[fd] = entry;
    return fd;
  };
  const stat = (p, kind, size, inode) => {
    u8.fill(0, p, p + 64);
    view.setBigUint64(p + 8, BigInt(inode), true);
    u8[p + 16] = kind;
    view.setBigUint64(p + 24, 1n, true);
    view.setBigUint64(p + 32, BigInt(size), true);
  };
  const strings = (list, at, into) => {
    for (const s of list) {
      view.setUint32(at, into, true);
      at += 4;
      const b = encoder.encode(`${s}\0`);
      u8.set(b, into);
      into += b.length;
    }
    return OK;
  };
  const sizes = (list, count, bytes) => {
    view.setUint32(count, list.length, true);
    view.setUint32(bytes, list.reduce((n, s) => n + encoder.encode(s).length + 1, 0), true);
    return OK;
  };
  /** Calls f with each piece of memory of a vector, until one is cut short. */
  const vector = (iov, n, f) => {
    let total = 0;
    for (let i = 0; i < n; i++) {
      const p = view.getUint32(iov + 8 * i, true), size = view.getUint32(iov + 8 * i + 4, true);
      const done = f(p, size);
      total += done;
      if (done < size) break;
    }
    return total;
  };
  const readAt = (file, at) => (p, size) => {
    const n = Math.max(0, Math.min(size, file.size - at));
    u8.set(file.bytes.subarray(at, at + n), p);
    at += n;
    return n;
  };
  const writeAt = (file, at) => (p, size) => {
    file.reserve(at + size);
    file.bytes.set(u8.subarray(p, p + size), at);
    at += size;
    file.size = Math.max(file.size, at);
    return size;
  };
  let clock = 1n;

  const system = {
    args_sizes_get: (a, b) => sizes(args, a, b),
    args_get: (a, b) => strings(args, a, b),
    environ_sizes_get: (a, b) => sizes(variables, a, b),
    environ_get: (a, b) => strings(variables, a, b),
    clock_time_get: (_id, _precision, p) => {
      clock = BigInt(Math.round(performance.now() * 1e6)) + 1n; // the tools only measure with it
      view.setBigUint64(p, clock, true);
      return OK;
    },
    random_get: (p, n) => {
      for (let i = 0; i < n; i += 65536) crypto.getRandomValues(u8.subarray(p + i, p + Math.min(n, i + 65536)));
      return OK;
    },
    sched_yield: () => OK,
    proc_exit: (code) => { throw new Exit(code); },
    // Whatever is waited for has come: timers at once, files always.
    poll_oneoff: (subs, events, n, p) => {
      u8.fill(0, events, events + 32 * n);
      for (let i = 0; i < n; i++) {
        u8.copyWithin(events + 32 * i, subs + 48 * i, subs + 48 * i + 8);
        u8[events + 32 * i + 10] = u8[subs + 48 * i + 8];
      }
      view.setUint32(p, n, true);
      return OK;
    },
    fd_prestat_get: (fd, p) => {
      if (fd !== 3) return BADF;
      view.setUint32(p, 0, true);
      view.setUint32(p + 4, 1, true);
      return OK;
    },
    fd_prestat_dir_name: (fd, p) => {
      if (fd !== 3) return BADF;
      u8[p] = 47;
      return OK;
    },
    fd_fdstat_get: (fd, p) => {
      const f = open[fd];
      if (!f) return BADF;
      u8.fill(0, p, p + 24);
      u8[p] = f.kind;
      view.setUint16(p + 2, f.flags ?? 0, true);
      view.setBigUint64(p + 8, (1n << 29n) - 1n, true);
      view.setBigUint64(p + 16, (1n << 29n) - 1n, true);
      return OK;
    },
    fd_fdstat_set_flags: (fd, flags) => {
      if (!open[fd]) return BADF;
      open[fd].flags = flags;
      return OK;
    },
    fd_filestat_get: (fd, p) => {
      const f = open[fd];
      if (!f) return BADF;
      stat(p, f.kind, f.file?.size ?? 0, 100 + fd);
      return OK;
    },
    fd_filestat_set_size: (fd, size) => {
      if (!open[fd]?.file) return BADF;
      open[fd].file.resize(Number(size));
      return OK;
    },
    path_filestat_get: (fd, _flags, p, n, to) => {
      const name = path(fd, p, n);
      if (tree.has(name)) stat(to, TYPE_FILE, tree.get(name).size, 7);
      else if (folders.has(name)) stat(to, TYPE_DIR, 0, 8);
      else return NOENT;
      return OK;
    },
    path_open: (fd, _look, p, n, how, _rights, _inherit, flags, to) => {
      if (!open[fd]) return BADF;
      const name = path(fd, p, n);
      let file = tree.get(name);
      if (!file && folders.has(name)) {
        view.setUint32(to, enter({ kind: TYPE_DIR, path: name }), true);
        return OK;
      }
      if (how & DIRECTORY) return file ? NOTDIR : NOENT;
      if (file && how & CREATE && how & EXCLUSIVE) return EXIST;
      if (!file) {
        if (!(how & CREATE)) return NOENT;
        tree.set(name, file = new File(new Uint8Array(0)));
      }
      if (how & TRUNCATE) file.resize(0);
      view.setUint32(to, enter({ kind: TYPE_FILE, file, at: 0, flags }), true);
      return OK;
    },
    fd_close: (fd) => {
      if (!open[fd]) return BADF;
      if (fd > 3) open[fd] = undefined;
      return OK;
    },
    fd_read: (fd, iov, n, to) => {
      const f = open[fd];
      if (!f) return BADF;
      if (f.kind === TYPE_DIR) return ISDIR;
      const done = f.file ? vector(iov, n, readAt(f.file, f.at)) : 0;
      if (f.file) f.at += done;
      view.setUint32(to, done, true);
      return OK;
    },
    fd_pread: (fd, iov, n, at, to) => {
      if (!open[fd]?.file) return BADF;
      view.setUint32(to, vector(iov, n, readAt(open[fd].file, Number(at))), true);
      return OK;
    },
    fd_write: (fd, iov, n, to) => {
      const f = open[fd];
      if (!f) return BADF;
      let done;
      if (f.file) {
        if (f.flags & APPEND) f.at = f.file.size;
        done = vector(iov, n, writeAt(f.file, f.at));
        f.at += done;
      } else {
        done = vector(iov, n, (p, size) => {
          if (printed < outputMax) output.push(u8.slice(p, p + Math.min(size, outputMax - printed)));
          printed += size;
          return size;
        });
      }
      view.setUint32(to, done, true);
      return OK;
    },
    fd_pwrite: (fd, iov, n, at, to) => {
      if (!open[fd]?.file) return BADF;
      view.setUint32(to, vector(iov, n, writeAt(open[fd].file, Number(at))), true);
      return OK;
    },
    fd_seek: (fd, offset, whence, to) => {
      const f = open[fd];
      if (!f) return BADF;
      if (!f.file) return SPIPE;
      const at = Number(offset) + (whence === 1 ? f.at : whence === 2 ? f.file.size : 0);
      if (at < 0) return INVAL;
      f.at = at;
      view.setBigUint64(to, BigInt(at), true);
      return OK;
    },
    fd_readdir: (_fd, _p, _n, _cookie, to) => {
      view.setUint32(to, 0, true);
      return OK;
    },
    fd_sync: () => OK,
    path_create_directory: (fd, p, n) => {
      folders.add(path(fd, p, n));
      return OK;
    },
    path_unlink_file: (fd, p, n) => tree.delete(path(fd, p, n)) ? OK : NOENT,
    path_remove_directory: (fd, p, n) => folders.delete(path(fd, p, n)) ? OK : NOENT,
    path_rename: (fd, p, n, fd2, p2, n2) => {
      const from = path(fd, p, n);
      if (!tree.has(from)) return NOENT;
      tree.set(path(fd2, p2, n2), tree.get(from));
      tree.delete(from);
      return OK;
    },
    path_filestat_set_times: () => OK,
  };
  const imports = {};
  for (const f of WebAssembly.Module.imports(module)) {
    const call = system[f.name] ?? (() => NOSYS);
    (imports[f.module] ??= {})[f.name] = (...a) => { look(); return call(...a); };
  }
  const { exports } = new WebAssembly.Instance(module, imports);
  memory = exports.memory;
  let code = 0;
  try {
    exports._start();
  } catch (e) {
    if (e instanceof Exit) code = e.code;
    else {
      code = 2; // the tool's stack or memory is at its end
      output.push(encoder.encode(`\n${e instanceof RangeError ? 'stack overflow' : e}\n`));
    }
  }
  let text = '';
  for (const b of output) text += decoder.decode(b, { stream: true });
  return {
    code,
    output: text + decoder.decode(),
    file(name) {
      const f = tree.get(name);
      return f && f.bytes.subarray(0, f.size);
    },
  };
}
