//! The SMTP connector's logic, as a WebAssembly component.
//!
//! ```text
//! input (JSON) -> Mail, checked -> Message, assembled -> bytes, streamed to the host
//! ```
//!
//! [`input`] parses JSON into types that hold only valid values. [`message`] turns those into bytes. [`send_mail`] does
//! both and asks the host to deliver the message. All of this is plain Rust that runs and is tested on any target. Only
//! `component` depends on the sandbox.

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
