//! The login mechanisms, and the choice between them.

use super::Exchange;
use super::bearer::{Bearer, Dialect};
use super::cram_md5::CramMd5;
use super::password::{Login, Plain};
use super::scram::Scram;
use crate::secret::Secret;
use crate::settings::{Auth, ServerSettings};

/// A login mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    CramMd5,
    Login,
    OAuthBearer,
    Plain,
    ScramSha256,
    XOAuth2,
}

/// The order in which mechanisms are tried over TLS. TLS protects the password of PLAIN. CRAM-MD5 is last, because it
/// requires the server to store the password in plain text.
const ENCRYPTED: &[Mechanism] =
    &[Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5];
/// The order without TLS. CRAM-MD5 comes before PLAIN, because only SCRAM and CRAM-MD5 hide the password.
const IN_THE_CLEAR: &[Mechanism] =
    &[Mechanism::ScramSha256, Mechanism::CramMd5, Mechanism::Plain, Mechanism::Login];
/// The order for accounts with an access token.
const BY_TOKEN: &[Mechanism] = &[Mechanism::OAuthBearer, Mechanism::XOAuth2];

impl Mechanism {
    /// Returns the name in the server's AUTH offer.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CramMd5 => "CRAM-MD5",
            Self::Login => "LOGIN",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::XOAuth2 => "XOAUTH2",
        }
    }

    /// Returns the mechanisms that the account allows, the best first.
    pub(crate) fn candidates(
        asked: Auth,
        by_token: bool,
        encrypted: bool,
    ) -> impl Iterator<Item = Self> {
        let several = match (by_token, encrypted) {
            (true, _) => BY_TOKEN,
            (false, true) => ENCRYPTED,
            (false, false) => IN_THE_CLEAR,
        };
        let all = match asked {
            Auth::Auto | Auth::None => several,
            Auth::Plain => &[Self::Plain],
            Auth::Login => &[Self::Login],
            Auth::CramMd5 => &[Self::CramMd5],
            Auth::ScramSha256 => &[Self::ScramSha256],
            Auth::XOAuth2 => &[Self::XOAuth2],
            Auth::OAuthBearer => &[Self::OAuthBearer],
        };
        all.iter().copied()
    }

    /// Returns the allowed mechanisms that the server offers, the best first.
    pub(crate) fn choices(
        asked: Auth,
        by_token: bool,
        encrypted: bool,
        offered: &[String],
    ) -> impl Iterator<Item = Self> {
        Self::candidates(asked, by_token, encrypted)
            .filter(|mechanism| offered.iter().any(|name| name == mechanism.name()))
    }

    /// Starts a login.
    pub(crate) fn exchange(
        self,
        server: &ServerSettings,
        username: &str,
        secret: &Secret,
    ) -> Box<dyn Exchange> {
        match self {
            Self::CramMd5 => Box::new(CramMd5::new(username, secret)),
            Self::Login => Box::new(Login::new(username, secret)),
            Self::OAuthBearer => {
                Box::new(Bearer::new(Dialect::OAuthBearer, server, username, secret))
            }
            Self::Plain => Box::new(Plain::new(username, secret)),
            Self::ScramSha256 => Box::new(Scram::new(username, secret)),
            Self::XOAuth2 => Box::new(Bearer::new(Dialect::XOAuth2, server, username, secret)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_that_is_offered_is_chosen() {
        use Mechanism::*;
        let all = &["LOGIN", "CRAM-MD5", "XOAUTH2", "PLAIN", "OAUTHBEARER", "SCRAM-SHA-256"][..];
        let old = &["LOGIN", "PLAIN", "CRAM-MD5"][..];
        for (asked, by_token, encrypted, names, chosen) in [
            (Auth::Auto, false, true, all, Some(ScramSha256)),
            (Auth::Auto, false, true, old, Some(Plain)),
            (Auth::Auto, false, false, old, Some(CramMd5)),
            (Auth::Auto, false, true, &["LOGIN", "CRAM-MD5"], Some(Login)),
            (Auth::Auto, false, true, &["GSSAPI"], None),
            (Auth::Auto, false, true, &["XOAUTH2"], None),
            (Auth::Auto, false, true, &[], None),
            (Auth::Auto, true, true, all, Some(OAuthBearer)),
            (Auth::Auto, true, true, &["XOAUTH2", "PLAIN"], Some(XOAuth2)),
            (Auth::Auto, true, true, old, None),
            (Auth::Login, false, true, all, Some(Login)),
            (Auth::CramMd5, false, true, all, Some(CramMd5)),
            (Auth::XOAuth2, true, true, all, Some(XOAuth2)),
            (Auth::Plain, false, true, &["LOGIN"], None),
        ] {
            let offered: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut found = Mechanism::choices(asked, by_token, encrypted, &offered);
            assert_eq!(found.next(), chosen, "{asked} {names:?}");
        }
        let offered: Vec<_> = old.iter().map(|name| (*name).to_owned()).collect();
        let all: Vec<_> = Mechanism::choices(Auth::Auto, false, true, &offered).collect();
        assert_eq!(all, [Plain, Login, CramMd5]);
    }
}
