//! Tests of the whole system through the public API and the command: the real component in the real sandbox, over real
//! sockets to servers on this machine.

mod architecture;
mod attachments;
mod certificates;
mod command;
mod component;
mod connections;
mod deadlines;
mod docs;
mod embedding;
mod examples;
mod extensions;
mod faults;
mod fetching;
mod grammars;
mod greeting;
mod hostile;
mod injection;
mod login;
mod mechanisms;
mod messages;
mod policy;
mod pool;
mod portable;
mod properties;
mod recipients;
mod replies;
mod sandbox;
mod schema;
mod secrets;
mod security;
mod sending;
mod servers;
mod spamassassin;
mod stopping;
mod support;
