//! The credentials for a server.

use super::oauth2::{OAuth2, TokenSource};
use super::security::Auth;
use crate::failure::Failure;
use crate::secret::{Secret, SecretSource};

/// The credentials of an account: a username, and a password or OAuth 2.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The username.
    pub username: String,
    /// The password, or the OAuth 2 settings.
    pub secret: AuthSecret,
}

/// The secret for a login.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AuthSecret {
    /// A password. For XOAUTH2 and OAUTHBEARER, an access token.
    Password(SecretSource),
    /// An access token from the source in these settings.
    OAuth2(OAuth2),
}

impl AuthSecret {
    /// Returns the source of the secret for the mail server, or `None` if the secret comes from a token endpoint.
    pub fn shown(&self) -> Option<&SecretSource> {
        match self {
            Self::Password(password) => Some(password),
            Self::OAuth2(OAuth2 { source: TokenSource::Given(token), .. }) => Some(token),
            Self::OAuth2(_) => None,
        }
    }

    /// Refuses a secret that a login cannot transmit. PLAIN separates fields with NUL (RFC 4616), XOAUTH2 and
    /// OAUTHBEARER end a token with 0x01, and a token consists of visible ASCII (RFC 6750 section 2.1).
    pub fn check(&self, auth: Auth, secret: &Secret) -> Result<(), Failure> {
        let is_token =
            matches!(self, Self::OAuth2(_)) || matches!(auth, Auth::XOAuth2 | Auth::OAuthBearer);
        let text = secret.expose();
        if is_token && !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "the access token contains a character other than visible ASCII";
            return Err(Failure::of_settings(message)
                .hint("enter the token again, without blanks or line breaks"));
        }
        if text.contains(['\0', '\r', '\n']) {
            let message = "the password contains NUL or a line break";
            return Err(Failure::of_settings(message).hint("enter the password again, on one line"));
        }
        Ok(())
    }
}
