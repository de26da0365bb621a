//! Encryption and login mechanisms.

use std::fmt;
use std::path::PathBuf;

use super::certificate_pin::CertificatePin;
use crate::address::HostName;
use crate::setters;

/// The encryption of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Security {
    /// [`Tls`](Security::Tls) on ports 465 and 2465, [`None`](Security::None) on port 1025 of this machine without a
    /// login (the port of test inboxes), and [`Starttls`](Security::Starttls) on other ports.
    #[default]
    Auto,
    /// TLS from the first byte.
    Tls,
    /// STARTTLS before any other command except EHLO. It fails if the server does not offer STARTTLS.
    Starttls,
    /// STARTTLS if the server offers it. Credentials are never sent unencrypted.
    StarttlsOptional,
    /// No encryption. Credentials are sent only to this machine.
    None,
}

/// The login mechanism.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Auth {
    /// The best mechanism that the server offers, if there are credentials. For a password, the order is SCRAM-SHA-256,
    /// PLAIN, LOGIN, CRAM-MD5. For OAuth 2, it is OAUTHBEARER, XOAUTH2.
    ///
    /// CRAM-MD5 comes last because servers must store plain-text passwords for it, and often cannot check it for every
    /// user although they offer it. Without encryption, on this machine, it comes second.
    #[default]
    Auto,
    /// No login.
    None,
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN, which some servers require.
    Login,
    /// CRAM-MD5 (RFC 2195).
    CramMd5,
    /// SCRAM-SHA-256 (RFC 7677). The server also proves that it knows the password.
    ScramSha256,
    /// XOAUTH2 with an access token (Google and Microsoft).
    XOAuth2,
    /// OAUTHBEARER (RFC 7628) with an access token.
    OAuthBearer,
}

/// The TLS settings: how the server's certificate is checked, and more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TlsSettings {
    /// The name in the certificate, if it differs from the host.
    pub server_name: Option<HostName>,
    /// A PEM file of certificate authorities, used instead of the system's.
    pub ca: Option<PathBuf>,
    /// The client certificate, for a server that requests one.
    pub client_certificate: Option<ClientCertificate>,
    /// The minimum TLS version.
    pub min_version: TlsVersion,
    /// The pinned certificate or key. A server that matches it is trusted for any name, without a certificate
    /// authority.
    pub pin: Option<CertificatePin>,
    /// Danger: accepts any certificate. Anyone on the network path can read the password and change the message.
    pub danger_accept_invalid_certificates: bool,
    /// Requires TLS with a checked certificate on the whole way to the recipients (REQUIRETLS, RFC 8689). If the server
    /// does not offer REQUIRETLS, the message is not sent.
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

/// The connector's client certificate and its key, in PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// The certificate, followed by its intermediate certificates.
    pub certificate: PathBuf,
    /// The private key.
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
    /// The values in the account's settings.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("1.2", Self::Tls12), ("1.3", Self::Tls13)];
}

impl Security {
    /// The values in the account's settings.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("tls", Self::Tls),
        ("starttls", Self::Starttls),
        ("starttls-optional", Self::StarttlsOptional),
        ("none", Self::None),
    ];

    /// Returns the usual encryption on a port: TLS on 465 (RFC 8314) and its unprivileged twin 2465, else STARTTLS.
    pub fn of_port(port: u16) -> Self {
        if matches!(port, 465 | 2465) { Self::Tls } else { Self::Starttls }
    }

    /// Resolves [`Auto`](Self::Auto) for a server.
    ///
    /// Mailpit, MailHog, MailDev and this project's inbox listen on port 1025 without TLS. Traffic
    /// within this machine does not cross a network, so this function chooses [`None`](Self::None) there. With a login
    /// it does not, because Proton Mail Bridge also listens there, with STARTTLS, and another user's program could too.
    pub fn of_server(host: &HostName, port: u16, with_login: bool) -> Self {
        let is_inbox = port == 1025 && host.is_loopback() && !with_login;
        if is_inbox { Self::None } else { Self::of_port(port) }
    }
}

impl Auth {
    /// The values in the account's settings.
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

    /// Reports whether the mechanism accepts only a password.
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
