//! Who logs in at a server, and with what.

use super::oauth2::{OAuth2, TokenSource};
use super::security::Auth;
use crate::failure::Failure;
use crate::secret::{Secret, SecretSource};

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// What the user shows.
    pub secret: AuthSecret,
}

/// What somebody who logs in shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AuthSecret {
    /// A password; for XOAUTH2 and OAUTHBEARER, an access token.
    Password(SecretSource),
    /// An access token, from wherever these settings say.
    OAuth2(OAuth2),
}

impl AuthSecret {
    /// Where the secret for the mail server is kept. None, if it comes from a token endpoint.
    pub fn shown(&self) -> Option<&SecretSource> {
        match self {
            Self::Password(password) => Some(password),
            Self::OAuth2(OAuth2 { source: TokenSource::Given(token) }) => Some(token),
            Self::OAuth2(_) => None,
        }
    }

    /// Refuses a secret that a login cannot carry. PLAIN ends a password with NUL (RFC 4616), XOAUTH2 and OAUTHBEARER end
    /// a token with 0x01, and a token is visible ASCII (RFC 6750 section 2.1).
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
