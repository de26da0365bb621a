//! The steps of a test as lines of text.

use smtp_connector_host::Account;
use smtp_connector_smtp::address::HostName;
use smtp_connector_smtp::settings::Security;
use smtp_connector_smtp::steps::{CertificateFacts, StepDetails, StepKind};

use super::super::super::text::count;

/// The most names of a certificate that a line shows. Certificates of large providers have a hundred.
const SHOWN: usize = 3;

/// Describes a step that succeeded. Returns `None` for a host that is an IP address, which needs no lookup.
pub(in crate::accounts) fn of_success(account: &Account, details: &StepDetails) -> Option<String> {
    Some(match details {
        StepDetails::Secret { source, .. } => format!("read the secret from {source}"),
        StepDetails::Resolve { addresses, .. } => match account.host() {
            HostName::Ip(_) => return None,
            name if addresses.is_empty() => format!("left {name} for the proxy to resolve"),
            name => format!("resolved {name}: {}", joined(addresses)),
        },
        StepDetails::Connect { address, proxy, unreachable, .. } => {
            let to = address.map_or_else(
                || format!("{} at port {}", account.host(), account.port()),
                |address| address.to_string(),
            );
            let through = proxy.as_ref().map_or(String::new(), |proxy| format!(" through {proxy}"));
            let others = unreachable.iter();
            let others: String =
                others.map(|one| format!("; {}: {}", one.address.ip(), one.reason)).collect();
            format!("connected to {to}{through}{others}")
        }
        StepDetails::Greeting { text, .. } => format!("greeted: {text}"),
        StepDetails::Ehlo { offers, encrypted, .. } => {
            let before = match account.security() {
                Security::Starttls | Security::StarttlsOptional if !encrypted => {
                    ", before encryption"
                }
                _ => "",
            };
            match offers.as_slice() {
                [] => format!("does not offer any extensions{before}"),
                offers => format!("offers {}{before}", offers.join(", ")),
            }
        }
        StepDetails::Tls { version, cipher, certificate, .. } => {
            let certificate = certificate.as_ref().map_or(String::new(), of_certificate);
            format!("encrypted: {version}, {cipher}{certificate}")
        }
        StepDetails::Login { username, mechanism, .. } => {
            format!("logged in as {username} with {mechanism}")
        }
        // A kind of step that this command does not know yet.
        _ => "done".to_owned(),
    })
}

/// Describes a step that failed. The reason is in the error.
pub(super) fn of_failure(account: &Account, kind: StepKind) -> String {
    let (host, port) = (account.host(), account.port());
    match kind {
        StepKind::Secret => "reading the secret".to_owned(),
        StepKind::Resolve => format!("resolving {host}"),
        StepKind::Connect => format!("connecting to {host} at port {port}"),
        StepKind::Greeting => "waiting for the greeting".to_owned(),
        StepKind::Ehlo => "asking for the server's extensions".to_owned(),
        StepKind::Tls => "encrypting".to_owned(),
        StepKind::Login => "logging in".to_owned(),
        other => other.as_str().to_owned(),
    }
}

fn of_certificate(certificate: &CertificateFacts) -> String {
    let CertificateFacts { names, issuer, days_left, .. } = certificate;
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = joined(&names[..names.len().min(SHOWN)]);
    let from = match issuer {
        _ if certificate.self_signed => ", self-signed".to_owned(),
        Some(issuer) => format!(" from {issuer}"),
        None => String::new(),
    };
    let days = count(usize::try_from(days_left.unsigned_abs()).unwrap_or(usize::MAX), "day");
    let expiry = match days_left {
        0.. => format!("{days} left"),
        _ => format!("expired {days} ago"),
    };
    format!("; certificate for {names}{more}{from}, {expiry}")
}

fn joined(parts: &[impl ToString]) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
