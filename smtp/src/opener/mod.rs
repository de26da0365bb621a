//! Opens connections that are ready for mail.

mod details;
mod dial_failure;
mod greeting;
mod handshake;

pub(crate) use handshake::Opener;
