//! Tests of the whole system through the public API and the command: the real component in the real sandbox, over real
//! sockets to servers on this machine.

mod account_form;
mod architecture;
mod attachments;
mod certificates;
mod command;
mod component;
mod connections;
mod consent;
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
#[cfg(target_os = "linux")]
mod keyring;
mod login;
mod mechanisms;
mod messages;
mod outbox;
mod policy;
mod pool;
mod portable;
mod properties;
mod proxies;
mod recipients;
mod replies;
mod sandbox;
mod schema;
mod secrets;
mod security;
mod sending;
mod servers;
mod spamassassin;
mod steps;
mod stopping;
mod support;
