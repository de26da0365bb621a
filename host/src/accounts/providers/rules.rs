//! Checks an account against the requirements of its provider. Settings that can never work are errors, and settings
//! that are probably mistakes are warnings.
//!
//! The library, `accounts.toml` and `accounts add` share these rules. A provider is recognised by its id or by the
//! account's host.

use super::preset::{PRESETS, Preset};
use crate::accounts::Account;
use crate::error::{Error, Result};
use smtp_connector_smtp::Issue;
use smtp_connector_smtp::address::HostName;
use smtp_connector_smtp::settings::{Auth, Security};
use smtp_connector_smtp::settings::{AuthSecret, Credentials};

/// The ways to log in that a provider accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    /// No login, or any login. For test inboxes, and for servers that identify clients by their IP addresses.
    Optional,
    /// A password, token or API key, but not OAuth 2.
    Password,
    /// Any login.
    Any,
    /// OAuth 2 only.
    OAuth2,
}

fn login(preset: &Preset) -> Login {
    match preset.id {
        "google-workspace-relay" | "mailpit" | "smtp2go" => Login::Optional,
        "brevo" | "elasticemail" | "ethereal" | "mailersend" | "mailgun" | "mailjet"
        | "mailtrap" | "mandrill" | "postmark" | "proton" | "qq" | "resend" | "sendgrid"
        | "sparkpost" => Login::Password,
        id if id.starts_with("ses-") => Login::Password,
        // Since September 2024. On Microsoft 365, each tenant decides.
        "outlook" => Login::OAuth2,
        _ => Login::Any,
    }
}

impl Preset {
    /// Reports whether the provider accepts passwords, tokens or API keys. The others accept only OAuth 2.
    ///
    /// ```
    /// use smtp_connector_host::accounts::Preset;
    ///
    /// assert!(Preset::find("gmail").is_some_and(Preset::takes_password));
    /// assert!(!Preset::find("outlook").is_some_and(Preset::takes_password));
    /// ```
    pub fn takes_password(&self) -> bool {
        login(self) != Login::OAuth2
    }

    /// Returns the logins that the provider accepts: `none`, `password` and `oauth2`.
    pub(in crate::accounts) fn logins(&self) -> &'static [&'static str] {
        match login(self) {
            Login::Optional => &["none", "password", "oauth2"],
            Login::Password => &["password"],
            Login::Any => &["password", "oauth2"],
            Login::OAuth2 => &["oauth2"],
        }
    }
}

/// Rejects an account that its provider's servers can never accept.
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
        let message = format!("host: {host} belongs to {}, not to {}", owner.title, named.title);
        let hint = format!("set the provider to {}, or remove the host", owner.id);
        return Err(Error::account(message).with_hint(hint));
    }
    // On any other host, the provider's rules do not apply.
    let Some(provider) = owner.filter(|_| auth != Auth::None) else { return Ok(()) };
    let (title, hint) = (provider.title, provider.hint);
    let Some(credentials) = credentials else {
        return match login(provider) {
            Login::Optional => Ok(()),
            _ => Err(Error::account(format!("username: {title} requires a login"))
                .with_hint(format!("add a username and credentials: {hint}"))),
        };
    };
    let is_by_token = matches!(credentials.secret, AuthSecret::OAuth2(_))
        || matches!(auth, Auth::XOAuth2 | Auth::OAuthBearer);
    match login(provider) {
        Login::OAuth2 if !is_by_token => {
            let message = format!("password: {title} no longer accepts passwords, only OAuth 2");
            Err(Error::account(message).with_hint(
                "log in with OAuth 2 instead: run `smtp-connector accounts authorize`, or write a table oauth2; or set \
                 auth to xoauth2, and read an access token from a program or a variable",
            ))
        }
        Login::Password if is_by_token => {
            let message = format!("oauth2: {title} does not support OAuth 2");
            Err(Error::account(message).with_hint(format!("use a password instead: {hint}")))
        }
        _ => Ok(()),
    }
}

impl Account {
    /// Returns warnings about settings that may work, but are probably mistakes.
    ///
    /// The path of each warning is the setting, such as `security`.
    pub fn warnings(&self) -> Vec<Issue> {
        let warnings = [self.doubtful_security(), self.doubtful_login(), self.doubtful_host()];
        warnings.into_iter().flatten().collect()
    }

    fn doubtful_security(&self) -> Option<Issue> {
        let (port, security) = (self.port(), self.security());
        let message = match (port, security) {
            (465 | 2465, Security::Tls) => return None,
            (465 | 2465, _) => format!(
                "port {port} is for security = \"tls\"; with {security}, most servers never answer on this port"
            ),
            (25 | 587 | 2525 | 2587, Security::Tls) => format!(
                "port {port} is for security = \"starttls\"; with tls, most servers fail the TLS handshake on this port"
            ),
            (1025, Security::Starttls | Security::Tls) => format!(
                "port {port} is for test inboxes such as Mailpit, which do not use TLS; set security = \"none\""
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
            let message = "Microsoft 365 accepts a password only if the tenant allows SMTP AUTH with passwords, which \
                           is off by default from the end of December 2026; use OAuth 2 instead";
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
        let message = format!("{} expects the username {fixed} from every account", provider.title);
        Some(warning("username", "unusual-username", message))
    }

    fn doubtful_host(&self) -> Option<Issue> {
        let named = self.provider.filter(|named| login(named) != Login::Optional)?;
        if is_of(named, self.host()) {
            return None;
        }
        let message =
            format!("{} is not a known server of {}, the provider", self.host(), named.title);
        Some(warning("host", "unknown-host", message))
    }
}

fn warning(path: &str, code: &str, message: String) -> Issue {
    Issue { path: path.to_owned(), code: code.to_owned(), message }
}

/// Returns the provider for hints: the account's provider, or the one with this host. Many accounts give only a host.
pub(in crate::accounts) fn known(
    named: Option<&'static Preset>,
    host: &str,
) -> Option<&'static Preset> {
    let is_there = |preset: &&Preset| preset.host == host && preset.security != Security::None;
    named.or_else(|| PRESETS.iter().find(is_there))
}

/// Returns the provider whose default server this is.
pub(super) fn owner_of(host: &HostName) -> Option<&'static Preset> {
    let name = host.without_root();
    PRESETS.iter().find(|preset| preset.host.eq_ignore_ascii_case(&name))
}

/// Reports whether the host looks like one of the provider's. Most providers have several hosts for regions and
/// purposes, such as `smtp.zoho.eu` or `smtp.eu.mailgun.org`.
fn is_of(provider: &Preset, host: &HostName) -> bool {
    // For smtp.zoho.com, this is "zoho".
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
            (provider("gmail"), "Gmail requires a login", "app password"),
            (host("smtp.gmail.com"), "Gmail requires a login", "app password"),
            (host("SMTP.Gmail.com."), "Gmail requires a login", "app password"),
            (provider("ses-eu-west-1"), "username: ", "SMTP credentials"),
            (login(provider("outlook")), "Outlook.com no longer accepts passwords", "oauth2"),
            (
                login(host("smtp-mail.outlook.com")),
                "Outlook.com no longer accepts passwords",
                "xoauth2",
            ),
            (token(provider("sendgrid")), "SendGrid does not support OAuth 2", "apikey"),
            (login(provider("sendgrid")).auth(Auth::XOAuth2), "does not support OAuth 2", "apikey"),
            (
                login(provider("gmail").host("smtp.sendgrid.net")),
                "smtp.sendgrid.net belongs to SendGrid, not to Gmail",
                "provider to sendgrid",
            ),
            (
                login(provider("ses-us-east-1").host("email-smtp.eu-west-1.amazonaws.com")),
                "eu-west-1, not to Amazon SES, us-east-1",
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
    fn doubtful_settings_are_a_warning() {
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
