//! Settings that could never be used, or that have no meaning together.

use super::login::{AuthSecret, Credentials};
use super::security::{Auth, Security, TlsSettings};
use crate::address::HostName;
use crate::failure::Failure;
use crate::secret::SecretSource;

/// Refuses settings of TLS that would have no meaning together.
pub(crate) fn tls(security: Security, tls: &TlsSettings) -> Result<(), Failure> {
    let trusted = tls.pin.is_some() || tls.ca.is_some();
    if tls.danger_accept_invalid_certificates && (trusted || tls.require_tls) {
        let message =
            "tls.allowInvalidCert: any certificate would be believed, whatever else is asked for";
        return Err(Failure::of_settings(message).hint("leave it out, or leave out the others"));
    }
    if tls.pin.is_some() && tls.ca.is_some() {
        let message = "tls.pinSha256: a pinned certificate is believed whoever signed it";
        return Err(Failure::of_settings(message).hint("leave out tls.ca, or the pin"));
    }
    if tls.require_tls && !matches!(security, Security::Tls | Security::Starttls) {
        let message = "tls.requireTls: the connection to the server must be encrypted, too";
        return Err(Failure::of_settings(message).hint("set security to starttls or tls"));
    }
    Ok(())
}

/// Refuses a way to log in that the account has nothing for.
pub(crate) fn secret(auth: Auth, credentials: Option<&Credentials>) -> Result<(), Failure> {
    match credentials.map(|credentials| &credentials.secret) {
        None if !matches!(auth, Auth::Auto | Auth::None) => {
            Err(Failure::of_settings("auth: a username and a password are needed to log in"))
        }
        Some(AuthSecret::OAuth2(_)) if auth.is_by_password() => {
            Err(Failure::of_settings(format!("auth: {auth} needs a password instead of oauth2"))
                .hint("set auth to auto, xoauth2 or oauthbearer"))
        }
        _ => Ok(()),
    }
}

/// Refuses credentials that a login cannot carry. Secrets that are kept elsewhere are checked when they are read.
pub(crate) fn login(auth: Auth, credentials: Option<&Credentials>) -> Result<(), Failure> {
    let Some(credentials) = credentials else { return Ok(()) };
    if credentials.username.chars().any(char::is_control) {
        let message = "username: it contains a control character";
        return Err(Failure::of_settings(message).hint("enter the user name again"));
    }
    if let Some(SecretSource::Text(secret)) = credentials.secret.shown() {
        credentials.secret.check(auth, secret)?;
    }
    Ok(())
}

/// Refuses what could only send credentials in the clear to another machine. A name that may yet turn out
/// to be this one is looked at again when it is resolved.
pub(crate) fn clear_text(
    security: Security,
    credentials: Option<&Credentials>,
    host: &HostName,
) -> Result<(), Failure> {
    let elsewhere = matches!(host, HostName::Ip(_)) && !host.is_loopback();
    if security == Security::None && credentials.is_some() && elsewhere {
        let message =
            "security: a user name and a password do not go to another machine in the clear";
        return Err(Failure::of_settings(message).hint("set security to starttls or tls"));
    }
    Ok(())
}
