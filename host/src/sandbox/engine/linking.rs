//! The interfaces that a component may import.

use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_io::bindings::wasi::io;

use crate::imports::bindings::Plugin;
use crate::imports::{Imports, View};
use crate::sandbox::store::State;

/// Returns a linker with everything that a component may import: the contract's interfaces, and the WASI interfaces
/// that Rust's standard library needs to start and to panic. There is no file system, no sockets and no HTTP.
pub(in crate::sandbox) fn link(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    Plugin::add_to_linker::<_, Imports>(l, |state: &mut State| View {
        table: &mut state.table,
        run: &state.run,
    })?;
    io::error::add_to_linker::<_, Io>(l, |state: &mut State| state.ctx().table)?;
    io::poll::add_to_linker::<_, Io>(l, |state: &mut State| state.ctx().table)?;
    io::streams::add_to_linker::<_, Io>(l, |state: &mut State| state.ctx().table)?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(l, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(l, State::clocks)?;
    // Hash tables need a seed. It is always the same.
    random::insecure_seed::add_to_linker::<_, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    cli::environment::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, State::cli)?;
    Ok(linker)
}

/// A stand-in for the table of a run's resources, where wasmtime-wasi-io needs a type without a lifetime.
struct Io;

impl wasmtime::component::HasData for Io {
    type Data<'a> = &'a mut wasmtime::component::ResourceTable;
}
