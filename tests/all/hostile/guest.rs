//! Handmade components: a core module in WebAssembly text, wrapped as a component of the contract.

use std::fmt::Write as _;

use smtp_connector_host::{Connector, Host};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A component that is correct except for what a test breaks.
///
/// Memory below 64 KiB belongs to the guest: results at [`RESULT`], answers of imports at [`ANSWER`], bytes of
/// [`Guest::bytes`] from 4096. The host's data goes behind it.
pub(crate) struct Guest {
    memory: &'static str,
    realloc: String,
    imports: String,
    parts: String,
    validate: String,
    invoke: String,
    next: usize,
}

/// The address where `invoke` puts its result.
pub(crate) const RESULT: usize = 1024;
/// The address where imports put their answers.
pub(crate) const ANSWER: usize = 2048;

const CONTRACT: &str = "connectors:smtp/smtp-connector@0.1.0";

/// The contract, and the WASI interfaces that the tests use.
const WORLD: &str = r#"
package tests:hostile;

world hostile {
  include connectors:smtp/plugin@0.1.0;
  import wasi:io/poll@0.2.0;
  import wasi:io/streams@0.2.0;
  import wasi:clocks/monotonic-clock@0.2.0;
  import wasi:cli/stderr@0.2.0;
  import wasi:random/random@0.2.0;
  import wasi:sockets/instance-network@0.2.0;
}

package wasi:io@0.2.0 {
  interface error { resource error; }
  interface poll { resource pollable { block: func(); } }
  interface streams {
    use error.{error};
    variant stream-error { last-operation-failed(error), closed }
    resource output-stream {
      blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
    }
  }
}
package wasi:clocks@0.2.0 {
  interface monotonic-clock {
    use wasi:io/poll@0.2.0.{pollable};
    subscribe-duration: func(when: u64) -> pollable;
  }
}
package wasi:cli@0.2.0 {
  interface stderr {
    use wasi:io/streams@0.2.0.{output-stream};
    get-stderr: func() -> output-stream;
  }
}
package wasi:random@0.2.0 {
  interface random { get-random-bytes: func(len: u64) -> list<u8>; }
}
package wasi:sockets@0.2.0 {
  interface instance-network { resource network; instance-network: func() -> network; }
}
"#;

/// A `realloc` that returns the next free place, so that the host's data overwrites nothing.
const BUMP: &str = "
    (global.set $top (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get 3)))";

impl Guest {
    /// A component whose `invoke` has this body, in WebAssembly text: `$input` and `$length` are the input, and the
    /// body leaves a pointer to its result.
    pub(crate) fn invoking(invoke: impl Into<String>) -> Self {
        Self {
            memory: "4",
            realloc: BUMP.to_owned(),
            imports: String::new(),
            parts: String::new(),
            validate: "(i32.const 64)".to_owned(),
            invoke: invoke.into(),
            next: 4096,
        }
    }

    /// A component whose `invoke` returns this JSON text.
    pub(crate) fn returning(json: &str) -> Self {
        let mut guest = Self::invoking("");
        guest.invoke = guest.result(json);
        guest
    }

    /// Replaces the body of `invoke`.
    pub(crate) fn and_invoking(self, invoke: impl Into<String>) -> Self {
        Self { invoke: invoke.into(), ..self }
    }

    /// Puts code before the default body of `validate`, which returns no findings.
    pub(crate) fn validating(self, validate: &str) -> Self {
        Self { validate: format!("{validate} (i32.const 64)"), ..self }
    }

    /// Adds a search of the whole memory after `invoke`. It traps if it finds one of these texts. The memory holds the
    /// texts themselves only in disguised form.
    pub(crate) fn and_searching(mut self, texts: &[String]) -> Self {
        const DISGUISE: u8 = 0x55;
        let mut searches = String::new();
        for text in texts {
            let disguised: Vec<u8> = text.bytes().map(|byte| byte ^ DISGUISE).collect();
            let (at, length) = self.bytes(disguised);
            let _ = writeln!(searches, "(call $search (i32.const {at}) (i32.const {length}))");
        }
        let invoke = std::mem::take(&mut self.invoke);
        self.part(&format!(
            "(func $once (param $input i32) (param $length i32) (result i32) {invoke})
             (func $search (param $text i32) (param $length i32)
               (local $at i32) (local $same i32) (local $end i32)
               (local.set $end
                 (i32.sub (i32.mul (memory.size) (i32.const 65536)) (local.get $length)))
               (loop $next
                 (local.set $same (i32.const 0))
                 (loop $compare
                   (if (i32.eq
                         (i32.load8_u (i32.add (local.get $at) (local.get $same)))
                         (i32.xor (i32.const {DISGUISE})
                           (i32.load8_u (i32.add (local.get $text) (local.get $same)))))
                     (then
                       (local.set $same (i32.add (local.get $same) (i32.const 1)))
                       (if (i32.eq (local.get $same) (local.get $length)) (then unreachable))
                       (br $compare))))
                 (local.set $at (i32.add (local.get $at) (i32.const 1)))
                 (br_if $next (i32.le_u (local.get $at) (local.get $end)))))"
        ))
        .and_invoking(format!(
            "(local $result i32)
             (local.set $result (call $once (local.get $input) (local.get $length)))
             {searches}
             (local.get $result)"
        ))
    }

    /// Runs `invoke` twice, and drops the first result.
    pub(crate) fn invoking_twice(mut self) -> Self {
        let once = std::mem::take(&mut self.invoke);
        self.part(&format!("(func $once (result i32) {once})"))
            .and_invoking("(drop (call $once)) (call $once)")
    }

    /// Sets the pages of memory: `4`, or `4 100` with a maximum.
    pub(crate) fn memory(self, memory: &'static str) -> Self {
        Self { memory, ..self }
    }

    /// Replaces the body of `realloc`, which places the host's data.
    pub(crate) fn realloc(self, body: &str) -> Self {
        Self { realloc: body.to_owned(), ..self }
    }

    /// Imports a function of the contract or of WASI: `"transport" "[method]outgoing.write"`.
    pub(crate) fn import(mut self, interface: &str, name: &str, signature: &str) -> Self {
        let interface = match interface.contains(':') {
            true => interface.to_owned(),
            false => format!("connectors:smtp/{interface}@0.1.0"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.imports, "(import \"{interface}\" \"{name}\" (func {signature}))");
        self
    }

    /// Adds more text to the module.
    pub(crate) fn part(mut self, text: &str) -> Self {
        self.parts.push_str(text);
        self
    }

    /// Puts bytes into memory. Returns their address and length.
    pub(crate) fn bytes(&mut self, bytes: impl AsRef<[u8]>) -> (usize, usize) {
        let bytes = bytes.as_ref();
        let at = self.next;
        self.next = (at + bytes.len()).next_multiple_of(16);
        assert!(self.next <= 65_536, "what a guest knows by heart fits its first page");
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let _ = writeln!(self.parts, "(data (i32.const {at}) \"{escaped}\")");
        (at, bytes.len())
    }

    /// Returns code that returns this JSON text as the result of `invoke`.
    pub(crate) fn result(&mut self, json: &str) -> String {
        let (at, length) = self.bytes(json);
        format!(
            "(i32.store (i32.const {RESULT}) (i32.const 0))
             (i32.store offset=4 (i32.const {RESULT}) (i32.const {at}))
             (i32.store offset=8 (i32.const {RESULT}) (i32.const {length}))
             (i32.const {RESULT})"
        )
    }

    fn module(&self) -> String {
        let strings = "(param $action i32) (param i32) (param $input i32) (param $length i32) \
                       (param i32) (param i32) (param i32) (result i32)";
        format!(
            "(module
               {imports}
               (memory (export \"memory\") {memory})
               (global $top (mut i32) (i32.const 65536))
               (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) {realloc})
               (data (i32.const 16) \"{{}}\")
               (data (i32.const 32) \"\\10\\00\\00\\00\\02\\00\\00\\00\")
               (func (export \"{CONTRACT}#describe\") (result i32) (i32.const 32))
               (func (export \"{CONTRACT}#validate\") {strings} {validate})
               (func (export \"{CONTRACT}#invoke\") {strings} {invoke})
               {parts})",
            imports = self.imports,
            memory = self.memory,
            realloc = self.realloc,
            validate = self.validate,
            invoke = self.invoke,
            parts = self.parts,
        )
    }

    /// Encodes the component.
    pub(crate) fn encode(&self) -> Vec<u8> {
        wrapped(&self.module())
    }

    /// Loads the component.
    pub(crate) fn load(&self, host: &Host) -> Connector {
        Connector::from_bytes(host, &self.encode()).expect("it keeps the contract")
    }
}

/// Wraps a core module in WebAssembly text as a component.
pub(crate) fn wrapped(text: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut resolve = Resolve::default();
    resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).expect("the contract");
    let package = resolve.push_str("hostile.wit", WORLD).expect("the tests' own world");
    let world = resolve.select_world(&[package], None).expect("there is one");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the module can be described");
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true);
    encoder.module(&module).expect("the module is of that world");
    encoder.encode().expect("the module is of that world")
}
