//! The reasons why a proxy gives no connection, each as a sentence.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use tokio_socks::Error as SocksError;

use crate::failure::{Failure, FailureCode, Phase};
use crate::network::DialError;
use crate::settings::{Proxy, ProxyKind};
use crate::waited::Waited;

/// The reason why a proxy gave no connection. `Display` is one sentence that names the proxy, without its password.
#[derive(Debug)]
pub struct ProxyError {
    proxy: Proxy,
    setting: Setting,
    problem: Problem,
}

/// The setting with the proxy's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::network) enum Setting {
    /// The account's `proxy`.
    Account,
    /// The proxy of a network.
    Network(&'static str),
}

/// The reason, without the proxy.
#[derive(Debug)]
pub(in crate::network) enum Problem {
    /// The connection to the proxy broke.
    Broken(io::Error),
    /// The proxy did not finish the handshake in time.
    Late(Waited),
    /// The proxy needs a login, and the setting has none.
    LoginNeeded,
    /// The proxy refuses the username or the password.
    LoginRefused,
    /// The proxy accepts no method of login that this library knows.
    LoginUnknown,
    /// The other side does not speak the protocol.
    NotSpoken,
    /// The password could not be read.
    Password(Box<Failure>),
    /// The password was not available in time.
    PasswordLate(Waited),
    /// The proxy did not connect to the target.
    Refused(Refused),
    /// The proxy would resolve the name, so its addresses cannot be checked.
    Unchecked,
    /// The proxy itself could not be connected to.
    Unreachable(Box<DialError>),
}

/// The reason that the proxy gives for not connecting to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::network) enum Refused {
    AddressType,
    ByRule,
    ByServer,
    Command,
    General,
    HostUnreachable,
    NetworkUnreachable,
    Status(u16),
    TtlExpired,
    UnknownCode,
}

impl Problem {
    pub(super) fn of_socks(error: SocksError, has_login: bool) -> Self {
        match error {
            SocksError::Io(reason) => Self::Broken(reason),
            SocksError::AuthorizationRequired => Self::LoginNeeded,
            SocksError::NoAcceptableAuthMethods if has_login => Self::LoginUnknown,
            SocksError::NoAcceptableAuthMethods => Self::LoginNeeded,
            SocksError::PasswordAuthFailure(_) => Self::LoginRefused,
            SocksError::GeneralSocksServerFailure => Self::Refused(Refused::General),
            SocksError::ConnectionNotAllowedByRuleset => Self::Refused(Refused::ByRule),
            SocksError::NetworkUnreachable => Self::Refused(Refused::NetworkUnreachable),
            SocksError::HostUnreachable => Self::Refused(Refused::HostUnreachable),
            SocksError::ConnectionRefused => Self::Refused(Refused::ByServer),
            SocksError::TtlExpired => Self::Refused(Refused::TtlExpired),
            SocksError::CommandNotSupported => Self::Refused(Refused::Command),
            SocksError::AddressTypeNotSupported => Self::Refused(Refused::AddressType),
            // tokio-socks 0.5 returns this for an unknown method and for an unknown reply code.
            SocksError::UnknownAuthMethod => Self::Refused(Refused::UnknownCode),
            _ => Self::NotSpoken,
        }
    }

    pub(super) fn of_status(status: u16, has_login: bool) -> Self {
        match status {
            // tinyproxy 1.11 answers a wrong login with 401.
            401 | 407 if has_login => Self::LoginRefused,
            401 | 407 => Self::LoginNeeded,
            403 => Self::Refused(Refused::ByRule),
            status => Self::Refused(Refused::Status(status)),
        }
    }
}

impl ProxyError {
    pub(in crate::network) fn new(proxy: &Proxy, setting: Setting, problem: Problem) -> Self {
        Self { proxy: proxy.clone(), setting, problem }
    }

    /// Reports whether the proxy may connect to another target: it refused this one. Some proxies close the connection
    /// instead.
    pub fn is_about_target(&self) -> bool {
        matches!(self.problem, Problem::Refused(_) | Problem::Broken(_))
    }

    /// Reports whether a rule of this host forbids the connection.
    pub fn is_forbidden(&self) -> bool {
        match &self.problem {
            Problem::Unchecked => true,
            Problem::Unreachable(error) => matches!(**error, DialError::Forbidden),
            _ => false,
        }
    }

    /// Returns the sentence without the proxy's address, for people who must not learn it.
    pub fn summary(&self) -> String {
        let whose = match self.setting {
            Setting::Account => "the account's proxy",
            Setting::Network(_) => "the proxy",
        };
        let reason = match &self.problem {
            Problem::Unreachable(error) if matches!(**error, DialError::Forbidden) => {
                "is not allowed on this platform".to_owned()
            }
            Problem::Unreachable(_) => "cannot be reached".to_owned(),
            Problem::Password(_) => "has a password that cannot be read".to_owned(),
            problem => Sentence { problem, proxy: &self.proxy }.to_string(),
        };
        format!("{whose} {reason}")
    }

    /// Converts the error into the failure of a message to this server.
    pub(crate) fn into_failure(self, server: impl fmt::Display) -> Failure {
        let message = match self.is_about_target() {
            true => format!("could not connect to {server}: {self}"),
            false => self.to_string(),
        };
        let (code, phase) = match self.is_forbidden() {
            true => (FailureCode::Policy, Phase::Resolve),
            false => (FailureCode::Connect, Phase::Connect),
        };
        match self.problem {
            Problem::Password(failure) => *failure,
            _ => self.advise(Failure::new(code, phase, message)),
        }
    }

    /// Adds to a failure what to do about this error, and whether to retry.
    pub(crate) fn advise(&self, failure: Failure) -> Failure {
        let failure = failure.hint(self.hint());
        match self.is_lasting() {
            true => failure.after_config_change(),
            false => failure.later(),
        }
    }

    /// Reports whether the problem remains until a setting changes.
    fn is_lasting(&self) -> bool {
        match &self.problem {
            Problem::LoginNeeded
            | Problem::LoginRefused
            | Problem::LoginUnknown
            | Problem::NotSpoken
            | Problem::Unchecked => true,
            Problem::Refused(refused) => {
                matches!(refused, Refused::ByRule | Refused::Command | Refused::AddressType)
            }
            _ => self.is_forbidden(),
        }
    }

    pub(crate) fn hint(&self) -> String {
        let setting = match self.setting {
            Setting::Account => "the account's setting proxy",
            Setting::Network(name) => name,
        };
        match &self.problem {
            Problem::LoginNeeded => {
                format!("add a username and a password to {setting}")
            }
            Problem::LoginRefused => {
                format!("check the username and the password in {setting}")
            }
            Problem::LoginUnknown => format!(
                "the proxy must accept a username and a password (RFC 1929), or no login; check {setting}"
            ),
            Problem::NotSpoken => format!(
                "check {setting}: socks5:// is for a SOCKS5 proxy and http:// for an HTTP proxy, each with its port"
            ),
            Problem::Unchecked => format!(
                "change socks5h:// to socks5:// in {setting}, so that this host resolves and checks names"
            ),
            Problem::PasswordLate(_) => format!("check that the command of the password in {setting} ends by itself"),
            Problem::Refused(Refused::ByRule) => {
                "ask the proxy's operator to allow this server and port; many HTTP proxies allow only port 443".to_owned()
            }
            Problem::Refused(Refused::AddressType) => {
                "the proxy supports only IPv4; use a server with an IPv4 address, or another proxy".to_owned()
            }
            Problem::Refused(_) => {
                "check the account's host and port, and whether the proxy can reach them".to_owned()
            }
            Problem::Unreachable(error) if matches!(**error, DialError::Forbidden) => {
                format!("use a proxy on the public internet in {setting}, or ask the platform's operator to allow this one")
            }
            Problem::Broken(_) | Problem::Late(_) | Problem::Unreachable(_) => {
                format!("check {setting}, and that the proxy runs and accepts this machine")
            }
            Problem::Password(failure) => failure.hint.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proxy, setting, problem } = self;
        match setting {
            Setting::Account => write!(f, "the account's proxy {proxy} ")?,
            Setting::Network(_) => write!(f, "the proxy {proxy} ")?,
        }
        Sentence { problem, proxy }.fmt(f)
    }
}

/// A sentence whose subject is the proxy.
struct Sentence<'a> {
    problem: &'a Problem,
    proxy: &'a Proxy,
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problem {
            Problem::Broken(reason) if is_closed(reason) => {
                f.write_str("closed the connection during the handshake")
            }
            Problem::Broken(reason) => {
                write!(f, "broke the connection during the handshake: {reason}")
            }
            Problem::Late(waited) => {
                write!(
                    f,
                    "accepted the connection, but did not connect to the server within {waited}"
                )
            }
            Problem::LoginNeeded => f.write_str("requires a username and a password"),
            Problem::LoginRefused => f.write_str("refuses the username or the password"),
            Problem::LoginUnknown => f.write_str(
                "accepts neither a username with a password nor a connection without a login",
            ),
            Problem::NotSpoken => match self.proxy.kind() {
                ProxyKind::Http => f.write_str("does not answer as an HTTP proxy"),
                _ => f.write_str("does not answer as a SOCKS5 proxy"),
            },
            Problem::Password(failure) => {
                write!(f, "has a password that cannot be read: {failure}")
            }
            Problem::PasswordLate(waited) => {
                write!(f, "has a password that was not available within {waited}")
            }
            Problem::Refused(refused) => refused.fmt(f),
            Problem::Unchecked => f.write_str(
                "resolves names itself (socks5h), so this host cannot check the server's addresses",
            ),
            Problem::Unreachable(error) => match &**error {
                DialError::Resolve(reason) => write!(f, "could not be resolved: {reason}"),
                DialError::ResolveTimeout(waited) => write!(f, "was not resolved within {waited}"),
                DialError::Unchecked | DialError::Forbidden => {
                    f.write_str("is not on the public internet, or is denied by this platform")
                }
                DialError::Unreached(unreached) => write!(f, "cannot be reached: {unreached}"),
                DialError::ByName(reason) => write!(f, "cannot be reached: {reason}"),
                DialError::Proxy(error) => write!(f, "cannot be reached: {error}"),
            },
        }
    }
}

/// Reports whether the other side closed the connection, with or without a reset.
fn is_closed(reason: &io::Error) -> bool {
    matches!(
        reason.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::UnexpectedEof
    )
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddressType => "does not support this type of address (SOCKS reply 8)",
            Self::ByRule => "does not allow this connection by its rules",
            Self::Command => "does not support connecting to a server (SOCKS reply 7)",
            Self::ByServer => "reports that the server refused the connection (SOCKS reply 5)",
            Self::General => "reports a general failure (SOCKS reply 1)",
            Self::HostUnreachable => "cannot reach the server (SOCKS reply 4)",
            Self::NetworkUnreachable => "cannot reach the server's network (SOCKS reply 3)",
            Self::Status(status @ 502..=504) => {
                return write!(f, "could not connect to the server (HTTP status {status})");
            }
            Self::Status(status) => return write!(f, "answered CONNECT with HTTP status {status}"),
            Self::TtlExpired => {
                "reports that the connection took too many hops or too long (SOCKS reply 6)"
            }
            Self::UnknownCode => "answered with an unknown SOCKS code",
        })
    }
}

impl StdError for ProxyError {}
