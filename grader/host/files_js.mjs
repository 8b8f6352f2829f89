// The folder in memory of a program in a browser: files.go, to the byte.

const FILES_KEPT = 8 << 20, FILES_MAX = 1 << 10, OPEN_MAX = 256, PATH_MAX = 1 << 10;
const BADF = 8, EXIST = 20, FAULT = 21, INVAL = 28, ISDIR = 31, MANY_OPEN = 33, TOO_LONG = 37, NOENT = 44, NOSPACE = 51, NOTDIR = 54, NOTEMPTY = 55, NOTSUP = 58;
const KIND_DIR = 3, KIND_FILE = 4;
const CREATE = 1, DIRECTORY = 2, EXCLUSIVE = 4, TRUNCATE = 8;
const READ = 1n << 1n, WRITE = 1n << 6n;
const APPEND = 1;
const ROOT = 4; // fdRoot
const FILE = 6, FULL = 7; // entries of the log: engine_js.go
const EPOCH = 1704067200n * 1000000000n;

const parent = (name) => (name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '.');
const base = (name) => name.slice(name.lastIndexOf('/') + 1);
const join = (dir, name) => (dir === '.' ? name : dir + '/' + name);

/** path.Clean of an absolute path, without its first slash. */
function clean(path) {
  const parts = [];
  for (const s of path.split('/')) {
    if (s === '..') parts.pop();
    else if (s !== '' && s !== '.') parts.push(s);
  }
  return parts.join('/') || '.';
}

/** Names are kept as they come, a byte a character. */
const text = (bytes) => Array.from(bytes, (c) => String.fromCharCode(c)).join('');
const raw = (name) => Uint8Array.from(name, (c) => c.charCodeAt(0));

class Node {
  constructor(id, dir, mtime) {
    Object.assign(this, { id, dir, mtime, size: 0, data: new Uint8Array(0) });
  }
  get kind() { return this.dir ? KIND_DIR : KIND_FILE; }
}

/** One program's folder. */
export class Files {
  constructor(program) {
    this.p = program;
    this.nodes = new Map([['.', new Node(1, true, 0n)]]);
    this.open = new Map();
    this.lastID = 1;
    this.size = 0;
    this.full = false;
  }

  wall() { return this.p.local + EPOCH + this.p.offset; }

  tellFull() {
    if (!this.full) {
      this.full = true;
      this.p.note(FULL, new Uint8Array(0));
    }
  }

  /** The path, or the number of an error. */
  path(fd, at, n) {
    n >>>= 0;
    this.p.burn(64 + Math.min(n, PATH_MAX));
    let from = '/';
    if (fd >>> 0 !== ROOT) {
      const h = this.open.get(fd >>> 0);
      if (!h) return BADF;
      if (!h.node.dir) return NOTDIR;
      from += h.path + '/';
    }
    if (n > PATH_MAX) return TOO_LONG;
    this.p.view();
    if (!this.p.has(at, n)) return FAULT;
    const b = this.p.at(at, n);
    if (b.length === 0 || b.includes(0)) return INVAL;
    return clean(from + text(b));
  }

  /** The new file or folder, or the number of an error. */
  create(name, dir) {
    for (let at = name; ; at = parent(at)) {
      const n = this.nodes.get(at);
      if (n && at !== name && !n.dir) return NOTDIR;
      if (!n) {
        if (this.nodes.size >= FILES_MAX) {
          this.tellFull();
          return NOSPACE;
        }
        this.nodes.set(at, new Node(++this.lastID, dir || at !== name, this.wall()));
      }
      if (at === '.') return this.nodes.get(name);
    }
  }

  forget(node) {
    for (const h of this.open.values()) if (h.node === node) return;
    for (const n of this.nodes.values()) if (n === node) return;
    this.size -= node.size;
    node.size = 0;
    node.data = new Uint8Array(0);
  }

  resize(node, size) {
    const grow = size - node.size;
    if (size < 0 || this.size + grow > FILES_KEPT) {
      this.tellFull();
      return false;
    }
    if (grow > 0) {
      this.p.burn(Math.floor(grow / 16) + 16);
      if (size > node.data.length) {
        const b = new Uint8Array(2 * size);
        b.set(node.data.subarray(0, node.size));
        node.data = b;
      }
      node.data.fill(0, node.size, size);
    }
    node.size = size;
    this.size += grow;
    node.mtime = this.wall();
    return true;
  }

  below(dir) {
    return [...this.nodes.keys()].filter((n) => n !== '.' && parent(n) === dir).map(base).sort((a, b) => (a < b ? -1 : 1));
  }

  /** Calls use with each piece of memory that a vector names. */
  vectors(at, n, use) {
    const d = this.p.view();
    at >>>= 0; n >>>= 0;
    for (let i = 0; i < n; i++) {
      if (!this.p.has(at + 8 * i, 8)) return FAULT;
      const p = d.getUint32(at + 8 * i, true), len = d.getUint32(at + 8 * i + 4, true);
      if (!this.p.has(p, len)) return FAULT;
      if (use(this.p.at(p, len))) break;
    }
    return 0;
  }

  /** at is where, or undefined for where the file stands. */
  readAt(fd, v, n, at, count) {
    const h = this.open.get(fd >>> 0);
    if (!h || !h.read) return BADF;
    if (h.node.dir) return ISDIR;
    const from = at ?? h.at;
    let total = 0;
    const err = this.vectors(v, n, (b) => {
      const piece = h.node.data.subarray(0, h.node.size).subarray(from + total, from + total + b.length);
      b.set(piece);
      this.p.burn(Math.floor(piece.length / 16) + 16);
      total += piece.length;
      return piece.length < b.length;
    });
    if (err) return err;
    if (at === undefined) h.at = from + total;
    return this.p.put32(count, total);
  }

  writeAt(fd, v, n, at, count) {
    const h = this.open.get(fd >>> 0);
    if (!h || !h.write) return BADF;
    if (at === undefined && h.append) h.at = h.node.size;
    const from = at ?? h.at;
    let total = 0, full = false;
    const err = this.vectors(v, n, (b) => {
      this.p.burn(Math.floor(b.length / 16) + 16);
      const end = from + total + b.length;
      if (b.length > 0 && end > h.node.size && !this.resize(h.node, end)) return (full = true);
      h.node.data.set(b, from + total);
      total += b.length;
      return false;
    });
    if (err) return err;
    if (full && total === 0) return NOSPACE;
    if (at === undefined) h.at = from + total;
    return this.p.put32(count, total);
  }

  seek(fd, by, whence, p) {
    const h = this.open.get(fd >>> 0);
    if (!h) return BADF;
    const from = [0, h.at, h.node.size][whence >>> 0];
    if (from === undefined) return INVAL;
    const at = BigInt.asIntN(64, by + BigInt(from));
    if (at < 0n) return INVAL;
    h.at = Number(at);
    const d = this.p.view();
    if (!this.p.has(p, 8)) return FAULT;
    d.setBigUint64(p >>> 0, at, true);
    return 0;
  }

  stat(node, at) {
    const d = this.p.view();
    if (!this.p.has(at, 64)) return FAULT;
    at >>>= 0;
    this.p.bytes.fill(0, at, at + 64);
    d.setBigUint64(at + 8, BigInt(node.id), true);
    this.p.bytes[at + 16] = node.kind;
    d.setBigUint64(at + 24, 1n, true);
    d.setBigUint64(at + 32, BigInt(node.size), true);
    for (let i = 40; i < 64; i += 8) d.setBigInt64(at + i, node.mtime, true);
    return 0;
  }

  /** What fd_fdstat_get says of an open file, at p, which is cleared. */
  status(fd, p) {
    const h = this.open.get(fd);
    if (fd !== ROOT && !h) return BADF;
    this.p.bytes[p] = h ? h.node.kind : KIND_DIR;
    if (h?.append) this.p.bytes[p + 2] = APPEND;
    return 0;
  }

  openPath(fd, at, n, flags, rights, fdflags, out) {
    const name = this.path(fd, at, n);
    if (typeof name === 'number') return name;
    let node = this.nodes.get(name);
    if (!node && !(flags & CREATE)) return NOENT;
    if (node && flags & CREATE && flags & EXCLUSIVE) return EXIST;
    if (node?.dir && (flags & (CREATE | TRUNCATE) || rights & WRITE)) return ISDIR;
    if (node && !node.dir && flags & DIRECTORY) return NOTDIR;
    if (this.open.size >= OPEN_MAX) return MANY_OPEN;
    if (!node) {
      node = this.create(name, false);
      if (typeof node === 'number') return node;
      this.p.note(FILE, raw(name));
    }
    if (flags & TRUNCATE) this.resize(node, 0);
    let free = ROOT + 1;
    while (this.open.has(free)) free++;
    this.open.set(free, { node, path: name, at: 0, append: !!(fdflags & APPEND), read: !!(rights & READ), write: !!(rights & WRITE) });
    return this.p.put32(out, free);
  }

  rename(fd, at, n, fd2, at2, n2) {
    const from = this.path(fd, at, n), to = this.path(fd2, at2, n2);
    if (typeof from === 'number' || typeof to === 'number') return Math.max(Number(from) || 0, Number(to) || 0);
    const node = this.nodes.get(from), old = this.nodes.get(to);
    if (!node) return NOENT;
    if (node.dir) return NOTSUP;
    if (old?.dir) return ISDIR;
    if (from === to) return 0;
    this.nodes.delete(from);
    if (old) {
      this.nodes.delete(to);
      this.forget(old);
    }
    const made = this.create(to, false);
    if (typeof made === 'number') {
      this.nodes.set(from, node);
      return made;
    }
    this.nodes.set(to, node);
    return 0;
  }

  readdir(fd, at, n, cookie, out) {
    const h = this.open.get(fd >>> 0);
    if (!h) return BADF;
    if (!h.node.dir) return NOTDIR;
    this.p.view();
    if (!this.p.has(at, n)) return FAULT;
    if (cookie === 0n || !h.names) h.names = this.below(h.path);
    const buf = this.p.at(at, n);
    this.p.burn(64 + buf.length);
    let used = 0;
    for (let i = Number(BigInt.asUintN(64, cookie)); i < h.names.length && used < buf.length; i++) {
      const name = raw(h.names[i]), entry = new Uint8Array(24 + name.length), d = new DataView(entry.buffer);
      d.setBigUint64(0, BigInt(i + 1), true);
      d.setUint32(16, name.length, true);
      const node = this.nodes.get(join(h.path, h.names[i]));
      if (node) {
        d.setBigUint64(8, BigInt(node.id), true);
        entry[20] = node.kind;
      }
      entry.set(name, 24);
      const piece = entry.subarray(0, buf.length - used);
      buf.set(piece, used);
      used += piece.length;
    }
    return this.p.put32(out, used);
  }

  /** The functions that a program imports. */
  system() {
    const handle = (fd, use) => {
      const h = this.open.get(fd >>> 0);
      return h ? use(h) : BADF;
    };
    const named = (fd, at, n, use) => {
      const name = this.path(fd, at, n);
      return typeof name === 'number' ? name : use(name, this.nodes.get(name));
    };
    const sync = (fd) => handle(fd, () => 0);
    return {
      fd_prestat_get: (fd, p) => {
        fd >>>= 0;
        return fd < ROOT ? NOTDIR : fd > ROOT ? BADF : this.p.put32(p, 0) | this.p.put32(p + 4, 1);
      },
      fd_prestat_dir_name: (fd, p, n) => {
        if (fd >>> 0 !== ROOT) return BADF;
        this.p.view();
        const b = this.p.at(p, n);
        if (b.length === 0) return FAULT;
        b[0] = 47; // a slash
        return 0;
      },
      fd_close: (fd) => handle(fd, (h) => {
        this.open.delete(fd >>> 0);
        this.forget(h.node);
        return 0;
      }),
      fd_seek: (fd, by, whence, p) => this.seek(fd, by, whence, p),
      fd_tell: (fd, p) => this.seek(fd, 0n, 1, p),
      fd_pread: (fd, v, n, at, p) => this.readAt(fd, v, n, at < 0n ? undefined : Number(at), p),
      fd_pwrite: (fd, v, n, at, p) => this.writeAt(fd, v, n, at < 0n ? undefined : Number(at), p),
      fd_sync: sync, fd_datasync: sync,
      fd_filestat_get: (fd, p) => fd >>> 0 === ROOT ? this.stat(this.nodes.get('.'), p) : handle(fd, (h) => this.stat(h.node, p)),
      fd_filestat_set_size: (fd, size) => handle(fd, (h) => !h.write ? BADF : size < 0n ? INVAL : this.resize(h.node, Number(size)) ? 0 : NOSPACE),
      fd_readdir: (fd, at, n, cookie, out) => this.readdir(fd, at, n, cookie, out),
      path_open: (fd, _lookup, at, n, flags, rights, _inherited, fdflags, out) => this.openPath(fd, at, n, flags, rights, fdflags, out),
      path_filestat_get: (fd, _lookup, at, n, p) => named(fd, at, n, (_, node) => node ? this.stat(node, p) : NOENT),
      path_filestat_set_times: () => 0,
      path_create_directory: (fd, at, n) => named(fd, at, n, (name, node) => {
        if (node) return EXIST;
        const made = this.create(name, true);
        return typeof made === 'number' ? made : 0;
      }),
      path_unlink_file: (fd, at, n) => named(fd, at, n, (name, node) => {
        if (!node) return NOENT;
        if (node.dir) return ISDIR;
        this.nodes.delete(name);
        this.forget(node);
        return 0;
      }),
      path_remove_directory: (fd, at, n) => named(fd, at, n, (name, node) => {
        if (!node) return NOENT;
        if (!node.dir) return NOTDIR;
        if (name === '.') return INVAL;
        if (this.below(name).length > 0) return NOTEMPTY;
        this.nodes.delete(name);
        return 0;
      }),
      path_rename: (fd, at, n, fd2, at2, n2) => this.rename(fd, at, n, fd2, at2, n2),
      path_symlink: () => NOTSUP, path_link: () => NOTSUP, path_readlink: () => INVAL,
    };
  }
}
