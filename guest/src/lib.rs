//! The SMTP connector's logic, as a WebAssembly component.
//!
//! ```text
//! input (JSON) -> Mail, checked -> Message, assembled -> bytes, streamed to the host
//! ```
//!
//! [`input`] turns JSON into types that can hold nothing wrong; [`message`] turns those into bytes;
//! [`send_mail`] does both and asks the host to deliver. All of it is plain Rust that runs, and is tested,
//! anywhere; `component` alone knows that it is in a sandbox.

#[doc(hidden)]
pub mod bindings;
#[cfg(target_family = "wasm")]
mod component;
mod failure;
#[cfg(test)]
mod growth;
pub mod html;
pub mod input;
pub mod manifest;
pub mod message;
mod outcome;
pub mod platform;
pub mod send_mail;
