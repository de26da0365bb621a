//! Opens connections that are ready for mail.

mod greeting;
mod handshake;

pub(crate) use handshake::Opener;
