//! Checks for settings that contradict each other or can never work.

use super::login::{AuthSecret, Credentials};
use super::security::{Auth, Security, TlsSettings};
use crate::address::HostName;
use crate::failure::Failure;
use crate::secret::SecretSource;

/// Refuses TLS settings that contradict each other.
pub(crate) fn tls(security: Security, tls: &TlsSettings) -> Result<(), Failure> {
    let trusted = tls.pin.is_some() || tls.ca.is_some();
    if tls.danger_accept_invalid_certificates && (trusted || tls.require_tls) {
        let message = "tls.allowInvalidCert: any certificate is accepted, so tls.ca, tls.pinSha256 and tls.requireTls do nothing";
        return Err(Failure::of_settings(message).hint("remove it, or remove the others"));
    }
    if tls.pin.is_some() && tls.ca.is_some() {
        let message = "tls.pinSha256: a pinned certificate needs no certificate authority, so tls.ca has no effect";
        return Err(Failure::of_settings(message).hint("remove tls.ca or tls.pinSha256"));
    }
    if tls.require_tls && !matches!(security, Security::Tls | Security::Starttls) {
        let message = "tls.requireTls: it needs an encrypted connection to the server";
        return Err(Failure::of_settings(message).hint("set security to starttls or tls"));
    }
    Ok(())
}

/// Refuses a login mechanism for which the account has no credentials.
pub(crate) fn secret(auth: Auth, credentials: Option<&Credentials>) -> Result<(), Failure> {
    match credentials.map(|credentials| &credentials.secret) {
        None if !matches!(auth, Auth::Auto | Auth::None) => {
            Err(Failure::of_settings("auth: a login needs a username and a password"))
        }
        Some(AuthSecret::OAuth2(_)) if auth.is_by_password() => {
            Err(Failure::of_settings(format!("auth: {auth} needs a password instead of oauth2"))
                .hint("set auth to auto, xoauth2 or oauthbearer"))
        }
        _ => Ok(()),
    }
}

/// Refuses credentials that a login cannot transmit. A secret from another source is checked when it is read.
pub(crate) fn login(auth: Auth, credentials: Option<&Credentials>) -> Result<(), Failure> {
    let Some(credentials) = credentials else { return Ok(()) };
    if credentials.username.chars().any(char::is_control) {
        let message = "username: it contains a control character";
        return Err(Failure::of_settings(message).hint("enter the username again"));
    }
    if let Some(SecretSource::Text(secret)) = credentials.secret.shown() {
        credentials.secret.check(auth, secret)?;
    }
    Ok(())
}

/// Refuses settings that would send credentials unencrypted to another machine. A host name that may be this machine is
/// checked again when it is resolved.
pub(crate) fn clear_text(
    security: Security,
    credentials: Option<&Credentials>,
    host: &HostName,
) -> Result<(), Failure> {
    let elsewhere = matches!(host, HostName::Ip(_)) && !host.is_loopback();
    if security == Security::None && credentials.is_some() && elsewhere {
        let message =
            "security: none would send the username and password unencrypted to another machine";
        return Err(Failure::of_settings(message).hint("set security to starttls or tls"));
    }
    Ok(())
}
