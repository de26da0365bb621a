//! Asks how the account logs in.

use super::answers::{Login, Server};
use super::questions::{confirm, hidden, input, select};
use super::secret::{PLACES, at_place, kept};
use super::{Answers, Form, agree};
use crate::output::tell;
use crate::stop::Stop;
use smtp_connector_host::accounts::{Account, AuthSecret, Credentials, KeyringEntry, Preset};

/// A way to log in.
#[derive(Clone, Copy)]
enum Way {
    Keep,
    Browser,
    Device,
    /// A password in the system's keyring.
    Keyring,
    /// A password, by its place.
    Password(usize),
    Cancel,
}

impl Form<'_> {
    /// Asks for the username and the login. Returns whether the user goes on.
    pub(super) async fn ask_login(&self, answers: &mut Answers) -> Result<bool, Stop> {
        let fixed = self.settings.username.clone();
        let username = match fixed {
            Some(username) => username,
            None => {
                tell("Type - as the username if the server needs no login.");
                let none = matches!(answers.login, Login::None).then(|| "-".to_owned());
                let before = answers.username.clone().or(none);
                input("Username", before.or_else(|| answers.address.clone()))?
            }
        };
        if username == "-" {
            (answers.username, answers.login) = (None, Login::None);
            return Ok(true);
        }
        answers.username = Some(username);
        if self.settings.gives_password() && matches!(answers.login, Login::Open) {
            answers.login = Login::Password(self.settings.secret()?);
            answers.is_for_keyring = self.settings.password_keyring;
            return Ok(true);
        }
        loop {
            match self.way(answers)? {
                Way::Keep => return Ok(true),
                Way::Cancel => return Ok(false),
                Way::Keyring => {
                    answers.login = Login::Password(hidden("Password")?.into());
                    answers.is_for_keyring = true;
                    return Ok(true);
                }
                Way::Password(place) => {
                    answers.login = Login::Password(at_place("password", place)?);
                    answers.is_for_keyring = false;
                    return Ok(true);
                }
                way => {
                    let is_device = matches!(way, Way::Device);
                    if agree::agree(self, answers, is_device).await? {
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// Asks for one of the ways to log in that the provider has.
    fn way(&self, answers: &Answers) -> Result<Way, Stop> {
        let preset = answers.server.as_ref().and_then(Server::preset);
        let consent = preset.and_then(Preset::consent);
        let has_consent = consent.is_some() || self.asked.is_given();
        let takes_password = preset.is_none_or(Preset::takes_password);
        let mut ways = Vec::new();
        let keep = match &answers.login {
            Login::Password(source) if takes_password => Some(kept("password", source)),
            Login::Consent(_, company) if *company == consent.map(|one| one.title) => {
                Some("Keep the consent given".to_owned())
            }
            Login::Present => self.base.and_then(Account::credentials).map(present),
            _ => None,
        };
        ways.extend(keep.map(|keep| (Way::Keep, keep)));
        if has_consent {
            ways.push((Way::Browser, "Agree in the browser".to_owned()));
            if consent.is_none_or(|consent| consent.device_url.is_some()) {
                let text = "Enter a code in a browser on another machine";
                ways.push((Way::Device, text.to_owned()));
            }
        }
        if takes_password {
            let start = if has_consent { "Password " } else { "" };
            if KeyringEntry::is_available() {
                ways.push((Way::Keyring, format!("{start}in the system's keyring")));
            }
            let places = PLACES.iter().enumerate();
            ways.extend(places.map(|(at, place)| (Way::Password(at), format!("{start}{place}"))));
            if let Some(preset) = preset {
                tell(format_args!("{}: {}", preset.title, preset.hint));
            }
        }
        if has_consent {
            ways.push((Way::Cancel, "Cancel".to_owned()));
        }
        let prompt = if has_consent { "How to log in" } else { "Place of the password" };
        let texts: Vec<_> = ways.iter().map(|(_, text)| text.as_str()).collect();
        Ok(ways[select(prompt, &texts, 0)?].0)
    }
}

/// Asks whether a password belongs in the system's keyring, if there is one.
pub(in super::super) fn prefers_keyring() -> Result<bool, Stop> {
    match KeyringEntry::is_available() {
        true => confirm("Store the password in the system's keyring", true),
        false => Ok(false),
    }
}

/// Returns the choice that keeps the login of the account that is changed.
fn present(login: &Credentials) -> String {
    match &login.secret {
        AuthSecret::Password(source) => format!("Keep the password from {source}"),
        AuthSecret::OAuth2(_) => "Keep the OAuth 2 login".to_owned(),
    }
}
