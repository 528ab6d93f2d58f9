// Starts the WebAssembly build of Lean under Node: node loader.js TOOLCHAIN WORK ARGUMENTS...
// The two folders are all that Lean sees of the file system; standard input is read line by line.
"use strict";
const fs = require("fs"), vm = require("vm"), path = require("path");
const [folder, work, ...args] = process.argv.slice(2);
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
  }],
};
process.argv = [process.argv[0], "lean", ...args];
Object.assign(globalThis, { require, __filename: file, __dirname: folder });
new vm.Script(fs.readFileSync(file, "utf8"), { filename: file }).runInThisContext();
