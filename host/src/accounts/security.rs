//! How a connection is encrypted, and how the account logs in.

use std::fmt;
use std::path::PathBuf;

use super::host_name::HostName;

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Security {
    /// [`Tls`](Security::Tls) on ports 465 and 2465, [`Starttls`](Security::Starttls) on others.
    #[default]
    Auto,
    /// From the first byte.
    Tls,
    /// By STARTTLS, before anything else is said. A server that does not offer it is not used.
    Starttls,
    /// By STARTTLS where the server offers it. Credentials never go out in the clear.
    StarttlsOptional,
    /// Not at all. Credentials go to the machine itself only.
    None,
}

/// How the account logs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// With the strongest mechanism that the server offers, where there are credentials.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// With PLAIN (RFC 4616).
    Plain,
    /// With LOGIN, which some servers want.
    Login,
}

/// How the server's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// The name in the certificate, where it is not the host.
    pub server_name: Option<HostName>,
    /// A PEM file of authorities, instead of the system's.
    pub ca: Option<PathBuf>,
}

impl Security {
    /// The words of the account's settings.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("tls", Self::Tls),
        ("starttls", Self::Starttls),
        ("starttls-optional", Self::StarttlsOptional),
        ("none", Self::None),
    ];

    /// How servers speak at a port: 465 (RFC 8314) and its unprivileged double start with TLS.
    pub fn of_port(port: u16) -> Self {
        if matches!(port, 465 | 2465) { Self::Tls } else { Self::Starttls }
    }
}

impl Auth {
    /// The words of the account's settings.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("none", Self::None),
        ("plain", Self::Plain),
        ("login", Self::Login),
    ];
}

impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, value)| value == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, value)| value == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}
