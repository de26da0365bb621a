//! XOAUTH2 (Google and Microsoft) and OAUTHBEARER (RFC 7628): login with an access token instead of a password.

use serde_json::Value;

use super::{Exchange, Message};
use crate::secret::Secret;
use crate::settings::ServerSettings;

/// The format in which the token is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    OAuthBearer,
    XOAuth2,
}

pub(crate) struct Bearer {
    dialect: Dialect,
    message: Option<Message>,
    complaint: Option<String>,
}

impl Bearer {
    pub(crate) fn new(
        dialect: Dialect,
        server: &ServerSettings,
        username: &str,
        token: &Secret,
    ) -> Self {
        let start = match dialect {
            Dialect::XOAuth2 => format!("user={username}\x01"),
            Dialect::OAuthBearer => {
                // A saslname (RFC 5801 section 4): the two characters that would end it are escaped.
                let name = username.replace('=', "=3D").replace(',', "=2C");
                let host = server.host().without_root();
                format!("n,a={name},\x01host={host}\x01port={}\x01", server.port())
            }
        };
        let parts = [start.as_bytes(), b"auth=Bearer ", token.expose().as_bytes(), b"\x01\x01"];
        Self { dialect, message: Some(Message::new(parts.concat())), complaint: None }
    }
}

impl Exchange for Bearer {
    fn start(&mut self) -> Option<Message> {
        self.message.take()
    }

    /// Answers the only challenge, which says what is wrong with the token. The server then ends the login with an
    /// error reply (RFC 7628 section 3.2.3).
    fn answer(&mut self, challenge: &[u8]) -> Result<Message, &'static str> {
        if self.complaint.is_some() {
            return Err("the server continues after it refused the token");
        }
        self.complaint = Some(complaint(challenge));
        Ok(Message::new(match self.dialect {
            Dialect::OAuthBearer => vec![1],
            Dialect::XOAuth2 => Vec::new(),
        }))
    }

    fn doubt(&self) -> Option<&'static str> {
        self.complaint.as_ref().map(|_| "the server refused the token and then accepted the login")
    }

    fn complaint(&self) -> Option<String> {
        self.complaint.clone()
    }
}

/// Describes the server's complaint about the token: the status, and the scope that the server requires.
fn complaint(challenge: &[u8]) -> String {
    let said: Value = serde_json::from_slice(challenge).unwrap_or_default();
    let word = |key: &str| match &said[key] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let status = word("status").unwrap_or_else(|| "no reason given".to_owned());
    match word("scope") {
        Some(scope) => format!("token refused: {status}, required scope: {scope}"),
        None => format!("token refused: {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> std::sync::Arc<ServerSettings> {
        ServerSettings::builder("server.example.com").port(143).build().expect("it is right")
    }

    #[test]
    fn the_examples_of_the_specifications_come_out() {
        let token = Secret::new("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
        let mut bearer = Bearer::new(Dialect::OAuthBearer, &server(), "user@example.com", &token);
        let message = bearer.start().expect("it speaks first");
        assert_eq!(
            String::from_utf8_lossy(&message),
            "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01\
             auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
        );
        let token = Secret::new("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
        let mut bearer = Bearer::new(Dialect::XOAuth2, &server(), "someuser@example.com", &token);
        let message = bearer.start().expect("it speaks first");
        assert_eq!(
            String::from_utf8_lossy(&message),
            "user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
        );
    }

    #[test]
    fn a_refused_token_is_answered_once_and_never_accepted() {
        let refusal = br#"{"status":"400","schemes":"Bearer","scope":"https://mail.example.com/"}"#;
        for (dialect, last) in [(Dialect::XOAuth2, &b""[..]), (Dialect::OAuthBearer, b"\x01")] {
            let mut bearer = Bearer::new(dialect, &server(), "user", &Secret::new("t0k3n"));
            assert_eq!(bearer.doubt(), None);
            assert_eq!(bearer.answer(refusal).expect("it is answered").as_slice(), last);
            assert!(bearer.doubt().is_some());
            assert!(bearer.complaint().is_some_and(|text| text.contains("400")));
            assert!(bearer.answer(refusal).is_err());
        }
        assert_eq!(complaint(b"nonsense"), "token refused: no reason given");
    }
}
