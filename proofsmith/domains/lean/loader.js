// Starts the WebAssembly build of Lean under Node: node loader.js start|keep|resume TOOLCHAIN WORK ARGUMENTS...
// The two folders are all that Lean sees of the file system; standard input is read line by line.
// keep: start, write the memory of the ready server to this folder and end. resume: go on from the memory that the
// folder IMAGE, the only argument, holds; nothing is initialised, imported or compiled again.
"use strict";
const fs = require("fs"), vm = require("vm"), path = require("path");
const [mode, folder, work, ...args] = process.argv.slice(2);
const image = mode === "resume" ? args.shift() : ".";
const PART = 64 << 20, WORKERS = 2, KEPT = "/kept/";
const file = path.join(folder, "lean.js");
const pause = new Int32Array(new SharedArrayBuffer(4));

const buffer = Buffer.alloc(1 << 16);
let held = 0, at = 0, lineEnded = false;
function stdin() {
  // null once after each line: the C library would otherwise wait until its buffer is full.
  if (lineEnded) { lineEnded = false; return null; }
  while (at >= held) {
    try {
      held = fs.readSync(0, buffer, 0, buffer.length, null);
      at = 0;
      if (held === 0) return null;
    } catch (error) {
      if (error.code === "EAGAIN") Atomics.wait(pause, 0, 0, 5);
      else if (error.code === "EOF") return null;
      else throw error;
    }
  }
  const byte = buffer[at++];
  lineEnded = byte === 10;
  return byte;
}

let pending = Buffer.alloc(1 << 16), count = 0;
function stdout(byte) {
  if (byte !== null) pending[count++] = byte;
  if (byte !== null && byte !== 10 && count < pending.length) return;
  for (let done = 0; done < count;) {
    try { done += fs.writeSync(1, pending, done, count - done); }
    catch (error) { if (error.code === "EAGAIN") Atomics.wait(pause, 0, 0, 1); else throw error; }
  }
  count = 0;
}

globalThis.Module = {
  arguments: args, stdin, stdout,
  locateFile: (name) => path.join(folder, name),
  preRun: [() => {
    for (const name of ["/lib", "/lib/lean", "/w"]) if (!FS.analyzePath(name).exists) FS.mkdir(name);
    FS.mkdirTree(folder);
    FS.writeFile(file, ""); // Lean looks for its own program
    FS.mount(NODEFS, { root: path.join(folder, "lib") }, "/lib/lean");
    FS.mount(NODEFS, { root: work }, "/w");
    FS.chdir("/w");
    ENV.LEAN_SYSROOT = "/";
    ENV.LEAN_PATH = "/lib/lean:/w";
    if (mode === "keep") ENV.PROOFSMITH_KEEP = KEPT;
  }],
  noInitialRun: mode === "resume",
  onRuntimeInitialized() {
    if (mode === "resume") return resume();
    if (mode !== "keep") return;
    // The ready driver removes a file named after the address of its server: no lock of the C library is held then.
    const tableSize = wasmTable.length, unlink = FS.unlink;
    FS.unlink = (name) => (name.startsWith(KEPT) ? keep(Number(name.slice(KEPT.length)), tableSize) : unlink(name));
  },
};

function part(number) { return path.join(image, `memory.${number}`); }

function keep(server, tableSize) {
  if (wasmTable.length !== tableSize) throw new Error("functions were added to the table");
  const memory = new Uint8Array(wasmMemory.buffer), copy = Buffer.alloc(PART);
  for (let at = 0, number = 0; at < memory.length; at += PART, number++) {
    const size = Math.min(PART, memory.length - at);
    copy.set(memory.subarray(at, at + size));
    fs.writeFileSync(part(number), copy.subarray(0, size));
  }
  fs.writeFileSync("code", script.createCachedData());
  fs.writeFileSync("started.json", JSON.stringify({ server, tableSize, stack: stackSave(), bytes: memory.length }));
  process.exit(0);
}

function resume() {
  const { server, tableSize, stack, bytes } = JSON.parse(fs.readFileSync(path.join(image, "started.json"), "utf8"));
  if (wasmTable.length !== tableSize) throw new Error("the image is of another build");
  wasmMemory.grow((bytes - wasmMemory.buffer.byteLength) / 65536);
  updateMemoryViews();
  const memory = new Uint8Array(wasmMemory.buffer);
  for (let at = 0, number = 0; at < bytes; at += PART, number++) {
    const file = fs.openSync(part(number), "r"), end = Math.min(at + PART, bytes);
    for (let from = at; from < end;) {
      const size = fs.readSync(file, memory, from, end - from, null);
      if (size === 0) throw new Error("the image is incomplete");
      from += size;
    }
    fs.closeSync(file);
  }
  stackRestore(stack);
  // The threads of the kept memory are no more: tasks given to them would never be done.
  wasmExports.lean_init_task_manager_using(WORKERS);
  PThread.allocateUnusedWorker(); // takes seconds, meanwhile the first request comes
  PThread.loadWasmModuleToWorker(PThread.unusedWorkers[0]);
  wasmExports.lean_apply_2(server, 1, 1);
  process.exit(0);
}

function cachedCode() {
  try { return fs.readFileSync(path.join(image, "code")); } catch { return undefined; }
}

process.argv = [process.argv[0], "lean", ...args];
Object.assign(globalThis, { require, __filename: file, __dirname: folder });
// The script is ASCII; as Latin-1 it is neither decoded nor held in two bytes a character.
const script = new vm.Script(fs.readFileSync(file, "latin1"), { filename: file, cachedData: cachedCode() });
script.runInThisContext();
