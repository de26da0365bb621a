//! What providers ask of an account: settings that can never work there are refused, and doubtful ones are warned of.
//!
//! The rules are the same for the library, `accounts.toml` and `accounts add`. A provider is known by its id, or by the
//! account's host.

use super::preset::{PRESETS, Preset};
use crate::accounts::Account;
use crate::error::{Error, Result};
use smtp_connector_smtp::Issue;
use smtp_connector_smtp::address::HostName;
use smtp_connector_smtp::settings::{Auth, Security};
use smtp_connector_smtp::settings::{AuthSecret, Credentials};

/// How an account can log in at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    /// Not at all, or in any way: an inbox for tests, or a server that knows its clients by their addresses.
    Optional,
    /// By password, token or API key, and never by OAuth 2.
    Password,
    /// In any way.
    Any,
    /// By OAuth 2 alone.
    OAuth2,
}

fn login(preset: &Preset) -> Login {
    match preset.id {
        "google-workspace-relay" | "mailpit" | "smtp2go" => Login::Optional,
        "brevo" | "elasticemail" | "ethereal" | "mailersend" | "mailgun" | "mailjet"
        | "mailtrap" | "mandrill" | "postmark" | "proton" | "qq" | "resend" | "sendgrid"
        | "sparkpost" => Login::Password,
        id if id.starts_with("ses-") => Login::Password,
        // Since September 2024; Microsoft 365 leaves it to each tenant.
        "outlook" => Login::OAuth2,
        _ => Login::Any,
    }
}

/// Refuses an account that its provider's servers can never accept.
pub(in crate::accounts) fn check(
    named: Option<&'static Preset>,
    host: &HostName,
    credentials: Option<&Credentials>,
    auth: Auth,
) -> Result<()> {
    let owner = owner_of(host);
    if let (Some(named), Some(owner)) = (named, owner)
        && named.host != owner.host
    {
        let message = format!("host: {host} is {}'s, not {}'s", owner.title, named.title);
        let hint = format!("set the provider to {}, or leave out the host", owner.id);
        return Err(Error::account(message).with_hint(hint));
    }
    // At another host, it is the provider in name only.
    let Some(provider) = owner.filter(|_| auth != Auth::None) else { return Ok(()) };
    let (title, hint) = (provider.title, provider.hint);
    let Some(credentials) = credentials else {
        return match login(provider) {
            Login::Optional => Ok(()),
            _ => Err(Error::account(format!("username: {title} accepts no mail without a login"))
                .with_hint(format!("give a user name and how to log in: {hint}"))),
        };
    };
    let is_by_token = matches!(credentials.secret, AuthSecret::OAuth2(_))
        || matches!(auth, Auth::XOAuth2 | Auth::OAuthBearer);
    match login(provider) {
        Login::OAuth2 if !is_by_token => {
            let message = format!("password: {title} accepts no passwords any more, only OAuth 2");
            Err(Error::account(message).with_hint(
                "give the account a table oauth2 in the place of the password; \
                 or set auth to xoauth2, with a program or a variable that holds an access token",
            ))
        }
        Login::Password if is_by_token => {
            let message = format!("oauth2: {title} does not know OAuth 2");
            Err(Error::account(message).with_hint(format!("use a password instead: {hint}")))
        }
        _ => Ok(()),
    }
}

impl Account {
    /// What is doubtful about the account: it may work, and most probably does not do what was meant.
    ///
    /// The path of each is the setting, such as `security`.
    pub fn warnings(&self) -> Vec<Issue> {
        let warnings = [self.doubtful_security(), self.doubtful_login(), self.doubtful_host()];
        warnings.into_iter().flatten().collect()
    }

    fn doubtful_security(&self) -> Option<Issue> {
        let (port, security) = (self.port(), self.security());
        let message = match (port, security) {
            (465 | 2465, Security::Tls) => return None,
            (465 | 2465, _) => format!(
                "port {port} is for security = \"tls\": with {security}, most servers never answer there"
            ),
            (25 | 587 | 2525 | 2587, Security::Tls) => format!(
                "port {port} is for security = \"starttls\": with tls, most servers cannot be understood there"
            ),
            (1025, Security::Starttls | Security::Tls) => format!(
                "port {port} is where inboxes for tests listen, such as Mailpit: without TLS, with security = \"none\""
            ),
            _ => return None,
        };
        Some(warning("security", "unusual-port", message))
    }

    fn doubtful_login(&self) -> Option<Issue> {
        let provider = owner_of(self.host())?;
        let Credentials { username, secret } = self.credentials()?;
        let is_by_password = matches!(secret, AuthSecret::Password(_))
            && !matches!(self.auth(), Auth::XOAuth2 | Auth::OAuthBearer);
        if provider.id == "microsoft365" && is_by_password {
            let message = "Microsoft 365 accepts passwords only where the tenant still allows SMTP AUTH with them, \
                           and from the end of December 2026 no longer by default: OAuth 2 goes on working";
            return Some(warning("password", "password-phased-out", message.to_owned()));
        }
        let fixed = match provider.id {
            "resend" => "resend",
            "sendgrid" => "apikey",
            "sparkpost" => "SMTP_Injection",
            _ => return None,
        };
        if username == fixed {
            return None;
        }
        let message =
            format!("for {}, it is {fixed}, whatever the account is called", provider.title);
        Some(warning("username", "unusual-username", message))
    }

    fn doubtful_host(&self) -> Option<Issue> {
        let named = self.provider.filter(|named| login(named) != Login::Optional)?;
        if is_of(named, self.host()) {
            return None;
        }
        let message =
            format!("{} is no known server of {}, which is the provider", self.host(), named.title);
        Some(warning("host", "unknown-host", message))
    }
}

fn warning(path: &str, code: &str, message: String) -> Issue {
    Issue { path: path.to_owned(), code: code.to_owned(), message }
}

/// The provider that hints are about. Many accounts name a provider's host, and not the provider.
pub(in crate::accounts) fn known(
    named: Option<&'static Preset>,
    host: &str,
) -> Option<&'static Preset> {
    let is_there = |preset: &&Preset| preset.host == host && preset.security != Security::None;
    named.or_else(|| PRESETS.iter().find(is_there))
}

/// The provider whose usual server this is.
fn owner_of(host: &HostName) -> Option<&'static Preset> {
    let name = host.without_root();
    PRESETS.iter().find(|preset| preset.host.eq_ignore_ascii_case(&name))
}

/// Whether the host looks like one of the provider's: most have others for regions and purposes, such as `smtp.zoho.eu`
/// or `smtp.eu.mailgun.org`.
fn is_of(provider: &Preset, host: &HostName) -> bool {
    // Of smtp.zoho.com, "zoho".
    let domain = provider.host.rsplit('.').nth(1).unwrap_or(provider.host);
    host.without_root().split('.').any(|label| label.eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::AccountBuilder;
    use smtp_connector_smtp::secret::Secret;
    use smtp_connector_smtp::settings::OAuth2;

    #[test]
    fn a_provider_is_known_by_its_host() {
        let known = |host: &str| known(None, host).map(|preset| preset.id);
        assert_eq!(known("smtp.gmail.com"), Some("gmail"));
        assert_eq!(known("email-smtp.eu-west-1.amazonaws.com"), Some("ses-eu-west-1"));
        assert_eq!(known("localhost"), None);
        assert_eq!(known("mail.example.com"), None);
    }

    fn provider(id: &str) -> AccountBuilder {
        Account::with_provider("work", Preset::find(id).expect(id))
    }

    fn host(host: &str) -> AccountBuilder {
        Account::builder("work", host)
    }

    fn login(builder: AccountBuilder) -> AccountBuilder {
        builder.credentials("user", Secret::new("s3cr3t"))
    }

    fn token(builder: AccountBuilder) -> AccountBuilder {
        builder.oauth2("user", OAuth2::token(Secret::new("t0k3n")))
    }

    #[test]
    fn what_a_provider_can_never_accept_is_refused() {
        for (builder, words, hint) in [
            (provider("gmail"), "Gmail accepts no mail without a login", "app password"),
            (host("smtp.gmail.com"), "Gmail accepts no mail without a login", "app password"),
            (host("SMTP.Gmail.com."), "Gmail accepts no mail without a login", "app password"),
            (provider("ses-eu-west-1"), "username: ", "SMTP credentials"),
            (login(provider("outlook")), "Outlook.com accepts no passwords", "oauth2"),
            (login(host("smtp-mail.outlook.com")), "Outlook.com accepts no passwords", "xoauth2"),
            (token(provider("sendgrid")), "SendGrid does not know OAuth 2", "apikey"),
            (login(provider("sendgrid")).auth(Auth::XOAuth2), "does not know OAuth 2", "apikey"),
            (
                login(provider("gmail").host("smtp.sendgrid.net")),
                "smtp.sendgrid.net is SendGrid's, not Gmail's",
                "provider to sendgrid",
            ),
            (
                login(provider("ses-us-east-1").host("email-smtp.eu-west-1.amazonaws.com")),
                "eu-west-1's, not Amazon SES, us-east-1's",
                "ses-eu-west-1",
            ),
        ] {
            let error = builder.build().expect_err(words);
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.hint().is_some_and(|told| told.contains(hint)), "{:?}", error.hint());
        }
    }

    #[test]
    fn what_may_work_is_accepted() {
        for builder in [
            provider("mailpit"),
            provider("google-workspace-relay"),
            provider("gmail").auth(Auth::None),
            provider("gmail").host("relay.example.com"),
            login(provider("gmail")),
            token(provider("gmail")),
            token(provider("outlook")),
            login(provider("outlook")).auth(Auth::XOAuth2),
            login(provider("microsoft365")),
            host("mail.example.com"),
        ] {
            let shown = format!("{builder:?}");
            builder.build().unwrap_or_else(|error| panic!("{error}: {shown}"));
        }
    }

    #[test]
    fn what_is_doubtful_is_warned_of() {
        let tls = |port| host("mail.example").port(port).security(Security::Tls);
        let starttls = |port| host("mail.example").port(port).security(Security::Starttls);
        for (builder, expected) in [
            (tls(587), Some("security")),
            (tls(25), Some("security")),
            (tls(465), None),
            (tls(8465), None),
            (host("mailpit").port(1025), Some("security")),
            (host("mailpit").port(1025).security(Security::None), None),
            (host("localhost").port(1025), None),
            (starttls(465), Some("security")),
            (host("mail.example").port(465).security(Security::None), Some("security")),
            (starttls(587), None),
            (host("mail.example"), None),
            (login(provider("microsoft365")), Some("password")),
            (login(host("smtp.office365.com")), Some("password")),
            (token(provider("microsoft365")), None),
            (login(provider("sendgrid")), Some("username")),
            (provider("sendgrid").credentials("apikey", Secret::new("SG.x")), None),
            (login(provider("gmail").host("mail.example.com")), Some("host")),
            (login(provider("zoho").host("smtp.zoho.eu")), None),
            (login(provider("mailgun").host("smtp.eu.mailgun.org")), None),
            (provider("mailpit").host("mail"), None),
        ] {
            let account = builder.build().expect("it may work");
            let warnings = account.warnings();
            let paths: Vec<_> = warnings.iter().map(|one| one.path.as_str()).collect();
            assert_eq!(paths, Vec::from_iter(expected), "{warnings:?}");
        }
    }
}
