// Empty implementations of the WASI interfaces that Rust's standard library needs to start and panic: no environment,
// no clock, no streams. The component gets no access to this machine.

export function emptyWasi() {
  class Nothing {}
  class InputStream extends Nothing {}
  class OutputStream extends Nothing {
    checkWrite() {
      return 4096n;
    }
    write() {}
    blockingFlush() {}
    blockingWriteAndFlush() {}
    subscribe() {
      return new Pollable();
    }
  }
  class Pollable extends Nothing {
    block() {}
  }
  class StreamError extends Nothing {}
  class TerminalInput extends Nothing {}
  class TerminalOutput extends Nothing {}

  const exit = () => {
    throw new Error('the component ended itself');
  };
  return {
    'wasi:cli/environment': { getEnvironment: () => [] },
    'wasi:cli/exit': { exit },
    'wasi:cli/stdin': { getStdin: () => new InputStream() },
    'wasi:cli/stdout': { getStdout: () => new OutputStream() },
    'wasi:cli/stderr': { getStderr: () => new OutputStream() },
    'wasi:cli/terminal-input': { TerminalInput },
    'wasi:cli/terminal-output': { TerminalOutput },
    'wasi:cli/terminal-stdin': { getTerminalStdin: () => undefined },
    'wasi:cli/terminal-stdout': { getTerminalStdout: () => undefined },
    'wasi:cli/terminal-stderr': { getTerminalStderr: () => undefined },
    'wasi:clocks/monotonic-clock': { now: () => 0n },
    'wasi:clocks/wall-clock': { now: () => ({ seconds: 0n, nanoseconds: 0 }) },
    'wasi:io/error': { Error: StreamError },
    'wasi:io/poll': { Pollable },
    'wasi:io/streams': { InputStream, OutputStream },
    // The seed of hash tables: the same for every run, so that a retry behaves the same.
    'wasi:random/insecure-seed': { insecureSeed: () => [0n, 0n] },
  };
}
