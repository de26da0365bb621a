//! An SMTP conversation over one connection, with or without TLS.

pub(crate) mod client_auth;
pub(crate) mod clock;
pub(crate) mod connection;
pub(crate) mod local_name;
pub(crate) mod stream;
pub(crate) mod tls;
pub(crate) mod tls_failure;
pub(crate) mod transcript;
pub(crate) mod verdict;
