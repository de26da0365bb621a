//! The failure of a connection that could not be opened.

use crate::address::HostName;
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::DialError;
use crate::settings::ServerSettings;

/// Returns the failure for a connection that could not be opened.
///
/// Unlike for attachments, the error distinguishes an unknown name from one that is not public. The account's owner
/// chose the name, and the message can be retried if the resolver failed.
pub(super) fn dial_failure(server: &ServerSettings, error: DialError) -> Failure {
    let (host, port) = (&server.host, server.port);
    match error {
        DialError::Resolve(reason) => {
            let message = format!("could not resolve the name {host}: {reason}");
            Failure::new(FailureCode::Dns, Phase::Resolve, message)
                .hint("check the account's host, and this machine's network")
                .later()
        }
        DialError::Forbidden => {
            let message = format!(
                "the host {host} is not on the public internet, or is denied by this platform"
            );
            Failure::new(FailureCode::Policy, Phase::Resolve, message)
                .hint("use a public server, or ask the platform's operator to allow this one")
                .after_config_change()
        }
        DialError::Unchecked => {
            let message = format!(
                "a proxy would resolve the name {host}, so this host cannot check its addresses"
            );
            Failure::new(FailureCode::Policy, Phase::Resolve, message)
                .hint("use a proxy of the form socks5://, so that this host resolves and checks names")
                .after_config_change()
        }
        DialError::Proxy(error) => error.into_failure(format_args!("{host} at port {port}")),
        DialError::ByName(reason) => {
            let code = match reason.kind() {
                std::io::ErrorKind::TimedOut => FailureCode::Timeout,
                _ => FailureCode::Connect,
            };
            let message = format!("could not connect to {host} at port {port}: {reason}");
            Failure::new(code, Phase::Connect, message).hint("check host and port").later()
        }
        DialError::ResolveTimeout(waited) => {
            let message = format!("the name {host} was not resolved within {waited}");
            Failure::new(FailureCode::Timeout, Phase::Resolve, message)
                .hint("check the account's host, and this machine's network and its name servers")
                .later()
        }
        DialError::Unreached(unreached) => {
            let code = match unreached.is_timeout() {
                true => FailureCode::Timeout,
                false => FailureCode::Connect,
            };
            let why = match host {
                HostName::Ip(_) => unreached.reasons().join("; "),
                HostName::Name(_) => unreached.to_string(),
            };
            let message = format!("could not connect to {host} at port {port}: {why}");
            let failure = Failure::new(code, Phase::Connect, message);
            match unreached.proxy_error() {
                Some(error) => error.advise(failure),
                None => failure
                    .hint("check host and port; many networks block port 25: mail programs use 587 or 465")
                    .later(),
            }
        }
    }
}
