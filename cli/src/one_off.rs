//! An account for one mail: `--server smtp://user@host:587`.

use std::str::FromStr;

use clap::Args;
use url::Url;

use super::accounts::Password;
use super::stop::Stop;
use smtp_connector_host::Account;
use smtp_connector_host::accounts::AccountBuilder;
use smtp_connector_smtp::settings::Security;

/// The options for a server without an account.
#[derive(Args, Debug)]
pub(crate) struct OneOff {
    /// Send through this server, without an account: smtp://user@host:587 or smtps://user@host
    ///
    /// smtps starts with TLS; smtp requires STARTTLS, except on port 1025 of this machine. For a relay without encryption,
    /// add ?security=none. The password is asked for, or comes from a --password option.
    #[arg(long, value_name = "URL", conflicts_with = "account")]
    // Text, because clap repeats a value that it cannot parse, and it may hold a password.
    server: Option<String>,

    #[command(flatten)]
    password: Password,
}

/// A server, and the user who logs in there.
#[derive(Clone, Debug)]
struct ServerUrl {
    builder: AccountBuilder,
    username: Option<String>,
}

impl OneOff {
    /// Returns the account of `--server`, if it is given.
    pub(crate) fn account(&self, from: Option<&str>) -> Result<Option<Account>, Stop> {
        let Some(server) = &self.server else {
            return match self.password.is_given() {
                true => Err(Stop::Usage("a password needs a server: add --server URL".to_owned())),
                false => Ok(None),
            };
        };
        let server: ServerUrl =
            server.parse().map_err(|why| Stop::Usage(format!("--server: {why}")))?;
        let mut builder = server.builder;
        if let Some(from) = from {
            builder = builder.sender(from);
        }
        let Some(username) = &server.username else {
            return match self.password.is_given() {
                true => Err(Stop::Usage(
                    "a password needs a user: write --server smtp://user@host".to_owned(),
                )),
                false => Ok(Some(builder.build()?)),
            };
        };
        Ok(Some(builder.credentials(username, self.password.source()?).build()?))
    }
}

impl FromStr for ServerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = "write it as smtp://user@host:587 or smtps://user@host";
        let url = Url::parse(text).map_err(|_| shape.to_owned())?;
        let is_tls = match url.scheme() {
            "smtp" => false,
            "smtps" => true,
            other => return Err(format!("{other}:// is not an SMTP server; {shape}")),
        };
        if url.password().is_some() {
            return Err(
                "it must not hold a password, which other users could see; use --password-env or \
                        --password-file, or let the command ask"
                    .to_owned(),
            );
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(shape)?;
        if !matches!(url.path(), "" | "/") {
            return Err(format!("it must not have a path; {shape}"));
        }
        let mut builder = Account::builder("server", decoded(host)?);
        builder = builder.port(url.port().unwrap_or(if is_tls { 465 } else { 587 }));
        if is_tls {
            builder = builder.security(Security::Tls);
        }
        for (key, value) in url.query_pairs() {
            let known = Security::NAMES.iter().find(|(name, _)| *name == value);
            match known {
                Some((_, security)) if key == "security" && !is_tls => {
                    builder = builder.security(*security);
                }
                _ => return Err(format!("?{key}={value} is not known; there is ?security=none")),
            }
        }
        let username = Some(url.username()).filter(|name| !name.is_empty());
        Ok(Self { builder, username: username.map(decoded).transpose()? })
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| "it is not valid UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_server_port_security_and_user() {
        for (url, port, security, username) in [
            ("smtp://mail.example.com", 587, Security::Starttls, None),
            ("smtps://mail.example.com", 465, Security::Tls, None),
            (
                "smtp://you%40example.com@mail.example.com:2525",
                2525,
                Security::Starttls,
                Some("you@example.com"),
            ),
            ("smtp://localhost:1025", 1025, Security::None, None),
            ("smtp://10.0.0.1:25?security=none", 25, Security::None, None),
        ] {
            let server: ServerUrl = url.parse().expect(url);
            let account = server.builder.build().expect(url);
            assert_eq!((account.port(), account.security()), (port, security), "{url}");
            assert_eq!(server.username.as_deref(), username, "{url}");
        }
    }

    #[test]
    fn a_url_with_a_password_or_another_scheme_is_refused() {
        for (url, words) in [
            ("smtp://u:hunter2@mail.example.com", "must not hold a password"),
            ("https://mail.example.com", "not an SMTP server"),
            ("mail.example.com", "write it as"),
            ("smtp://mail.example.com/inbox", "path"),
            ("smtp://mail.example.com?tls=no", "not known"),
            ("smtps://mail.example.com?security=none", "not known"),
        ] {
            let error = url.parse::<ServerUrl>().map(drop).expect_err(url);
            assert!(error.contains(words) && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
