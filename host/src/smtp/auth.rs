//! Logging in (RFC 4954): PLAIN and LOGIN.
//!
//! The lines with secrets in them are written here rather than by lettre, whose copies of them are not
//! overwritten when they are dropped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::connection::Connection;
use super::reply::RawReply;
use super::verdict;
use crate::accounts::{Auth, Secret};
use crate::failure::{Failure, FailureCode, Phase};

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mechanism {
    /// RFC 4616.
    Plain,
    /// No standard, and the only one that some servers know.
    Login,
}

impl Mechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// The mechanism that the account asks for, or the best that the server offers.
    fn choose(asked: Auth, offered: &[String]) -> Option<Self> {
        let is_offered = |mechanism: &Self| offered.iter().any(|name| name == mechanism.name());
        match asked {
            Auth::Plain => Some(Self::Plain).filter(is_offered),
            Auth::Login => Some(Self::Login).filter(is_offered),
            Auth::Auto | Auth::None => [Self::Plain, Self::Login].into_iter().find(is_offered),
        }
    }
}

/// Logs in. Only 235 means that it worked.
pub(super) async fn authenticate(
    connection: &mut Connection,
    password: &Secret,
) -> Result<(), Failure> {
    let account = std::sync::Arc::clone(&connection.account);
    let Some(credentials) = &account.credentials else { return Ok(()) };
    let offered = &connection.extensions.auth;
    let Some(mechanism) = Mechanism::choose(account.auth, offered) else {
        return Err(no_mechanism(account.auth, offered));
    };
    let reply = match mechanism {
        Mechanism::Plain => plain(connection, &credentials.username, password).await,
        Mechanism::Login => login(connection, &credentials.username, password).await,
    }?;
    match reply.code {
        235 => Ok(()),
        _ => Err(verdict::of(connection, Phase::Auth, &reply)),
    }
}

async fn plain(
    connection: &mut Connection,
    username: &str,
    password: &Secret,
) -> Result<RawReply, Failure> {
    let message = Zeroizing::new(format!("\0{username}\0{}", password.expose()));
    let line = line("AUTH PLAIN ", &message);
    let reply = connection.secret_line(line.as_bytes(), "AUTH PLAIN ...").await;
    reply.map_err(|broken| connection.broken(Phase::Auth, broken))
}

async fn login(
    connection: &mut Connection,
    username: &str,
    password: &Secret,
) -> Result<RawReply, Failure> {
    let start = connection.command("AUTH LOGIN\r\n").await;
    let mut reply = start.map_err(|broken| connection.broken(Phase::Auth, broken))?;
    // The prompts have no standard text, only an order.
    for (value, shown) in [(username, "(user name)"), (password.expose(), "(password)")] {
        if reply.code != 334 {
            return Ok(reply);
        }
        let line = line("", value);
        let next = connection.secret_line(line.as_bytes(), shown).await;
        reply = next.map_err(|broken| connection.broken(Phase::Auth, broken))?;
    }
    Ok(reply)
}

/// A line that ends in base64.
fn line(start: &str, value: &str) -> Zeroizing<String> {
    // In one piece from the start: a string that grows leaves copies behind.
    let length = start.len() + value.len().div_ceil(3) * 4 + 2;
    let mut line = Zeroizing::new(String::with_capacity(length));
    line.push_str(start);
    STANDARD.encode_string(value, &mut line);
    line.push_str("\r\n");
    line
}

fn no_mechanism(asked: Auth, offered: &[String]) -> Failure {
    let (message, hint) = if offered.is_empty() {
        (
            "the server offers no login".to_owned(),
            "check port and security: servers offer it once the connection is encrypted; a server that \
             needs no login takes an account without a username",
        )
    } else {
        let wanted = match asked {
            Auth::Auto | Auth::None => "PLAIN or LOGIN".to_owned(),
            other => other.to_string().to_ascii_uppercase(),
        };
        let names = offered.join(", ");
        (
            format!("the server offers login by {names}, and not by {wanted}"),
            "set the account's auth to auto",
        )
    };
    Failure::new(FailureCode::Auth, Phase::Auth, message).hint(hint).after_config_change()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_that_is_offered_is_chosen() {
        let offered =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (asked, names, chosen) in [
            (Auth::Auto, &["LOGIN", "PLAIN"][..], Some(Mechanism::Plain)),
            (Auth::Auto, &["LOGIN"], Some(Mechanism::Login)),
            (Auth::Login, &["LOGIN", "PLAIN"], Some(Mechanism::Login)),
            (Auth::Plain, &["LOGIN"], None),
            (Auth::Auto, &["GSSAPI"], None),
            (Auth::Auto, &[], None),
        ] {
            assert_eq!(Mechanism::choose(asked, &offered(names)), chosen, "{asked} {names:?}");
        }
    }

    #[test]
    fn lines_are_written_in_one_piece() {
        let text = line("AUTH PLAIN ", "\0user\0s3cr3t");
        assert_eq!(text.as_str(), "AUTH PLAIN AHVzZXIAczNjcjN0\r\n");
        assert_eq!(text.capacity(), text.len());
    }
}
