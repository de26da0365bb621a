//! The whole, tried through the public API and through the command: the real component in the real
//! sandbox, over real sockets to servers on this machine.

mod attachments;
mod command;
mod component;
mod faults;
mod messages;
mod portable;
mod postfix;
mod readme;
mod sandbox;
mod schema;
mod secrets;
mod security;
mod sending;
mod support;
