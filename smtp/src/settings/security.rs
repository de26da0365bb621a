//! How a connection is encrypted, and how the account logs in.

use std::fmt;
use std::path::PathBuf;

use super::certificate_pin::CertificatePin;
use crate::address::HostName;
use crate::setters;

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Security {
    /// [`Tls`](Security::Tls) on ports 465 and 2465, [`None`](Security::None) on port 1025 of the machine itself without
    /// a login, where inboxes for tests are, and [`Starttls`](Security::Starttls) on others.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Auth {
    /// With the best mechanism that the server offers, where there are credentials: SCRAM-SHA-256, then
    /// PLAIN, LOGIN and CRAM-MD5; by OAuth 2, OAUTHBEARER and then XOAUTH2.
    ///
    /// CRAM-MD5 comes last because servers must keep passwords in the clear for it, and often cannot check
    /// it for every user although they offer it; without encryption, on the machine itself, it comes second.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// With PLAIN (RFC 4616).
    Plain,
    /// With LOGIN, which some servers want.
    Login,
    /// With CRAM-MD5 (RFC 2195).
    CramMd5,
    /// With SCRAM-SHA-256 (RFC 7677): the server proves that it knows the password, too.
    ScramSha256,
    /// With XOAUTH2, and an access token (Google's and Microsoft's).
    XOAuth2,
    /// With OAUTHBEARER (RFC 7628), and an access token.
    OAuthBearer,
}

/// How the server's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TlsSettings {
    /// The name in the certificate, where it is not the host.
    pub server_name: Option<HostName>,
    /// A PEM file of authorities, instead of the system's.
    pub ca: Option<PathBuf>,
    /// What the connector shows to a server that asks who it is.
    pub client_certificate: Option<ClientCertificate>,
    /// The least version that is spoken.
    pub min_version: TlsVersion,
    /// What the server must show. It is believed then, whoever signed its certificate, for whatever name.
    pub pin: Option<CertificatePin>,
    /// Believe any certificate: whoever is on the way can read the password and change the message.
    pub danger_accept_invalid_certificates: bool,
    /// Ask for TLS with a certificate that was checked on the whole way to the recipients (REQUIRETLS, RFC
    /// 8689). A server that does not offer that gets no message.
    pub require_tls: bool,
}

setters!(TlsSettings {
    min_version: TlsVersion,
    danger_accept_invalid_certificates: bool,
    require_tls: bool,
} optional {
    server_name: HostName,
    ca: PathBuf,
    client_certificate: ClientCertificate,
    pin: CertificatePin,
});

/// A certificate of the connector's own, and its key, in PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// The certificate, and those between it and an authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl TlsVersion {
    /// The words of the account's settings.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("1.2", Self::Tls12), ("1.3", Self::Tls13)];
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

    /// What [`Auto`](Self::Auto) stands for. Mailpit, MailHog, MailDev and this project's inbox listen on port 1025 and
    /// know no TLS; within the machine itself, there is nobody on the way. Proton Mail Bridge listens there too, with
    /// STARTTLS, and another user's program might: a password goes to neither in the clear unless that was asked for.
    pub fn of_server(host: &HostName, port: u16, with_login: bool) -> Self {
        let is_inbox = port == 1025 && host.is_loopback() && !with_login;
        if is_inbox { Self::None } else { Self::of_port(port) }
    }
}

impl Auth {
    /// The words of the account's settings.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("none", Self::None),
        ("plain", Self::Plain),
        ("login", Self::Login),
        ("cram-md5", Self::CramMd5),
        ("scram-sha-256", Self::ScramSha256),
        ("xoauth2", Self::XOAuth2),
        ("oauthbearer", Self::OAuthBearer),
    ];

    /// Whether it takes a password, and nothing else.
    pub(crate) fn is_by_password(self) -> bool {
        matches!(self, Self::Plain | Self::Login | Self::CramMd5 | Self::ScramSha256)
    }
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
