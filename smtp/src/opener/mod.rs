//! From a host to a connection on which mail may be sent.

mod greeting;
mod handshake;

pub(crate) use handshake::Opener;
