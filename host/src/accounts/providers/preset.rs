//! The settings of the built-in providers.

use smtp_connector_smtp::settings::Provider;
use smtp_connector_smtp::settings::Security;

/// The settings of a provider, with a hint for its users.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name in settings and commands.
    pub id: &'static str,
    /// The display name.
    pub title: &'static str,
    /// The server's host name.
    pub host: &'static str,
    /// The server's port.
    pub port: u16,
    /// The encryption of the connection.
    pub security: Security,
    /// The required credentials, and common mistakes.
    pub hint: &'static str,
}

const fn tls(
    id: &'static str,
    title: &'static str,
    host: &'static str,
    hint: &'static str,
) -> Preset {
    Preset { id, title, host, port: 465, security: Security::Tls, hint }
}

const fn starttls(
    id: &'static str,
    title: &'static str,
    host: &'static str,
    hint: &'static str,
) -> Preset {
    Preset { id, title, host, port: 587, security: Security::Starttls, hint }
}

/// A preset of Amazon SES. Each region has a different host, and credentials work in one region only.
macro_rules! ses {
    ($region:literal) => {
        tls(
            concat!("ses-", $region),
            concat!("Amazon SES, ", $region),
            concat!("email-smtp.", $region, ".amazonaws.com"),
            "log in with this region's SMTP credentials, not with IAM keys",
        )
    };
}

const APP_PASSWORD: &str = "log in with an app password, not with your normal password";
const FULL_ADDRESS: &str = "the username is your full email address";

/// All presets, in alphabetical order.
///
/// Sources: the providers' documentation, and Nodemailer's `well-known/services.json`. Unlike there, presets with port
/// 587 require STARTTLS.
pub(super) const PRESETS: &[Preset] = &[
    starttls("aol", "AOL", "smtp.aol.com", APP_PASSWORD),
    starttls(
        "brevo",
        "Brevo",
        "smtp-relay.brevo.com",
        "the password is an SMTP key, not an API key",
    ),
    tls("elasticemail", "Elastic Email", "smtp.elasticemail.com", "log in with SMTP credentials"),
    starttls(
        "ethereal",
        "Ethereal",
        "smtp.ethereal.email",
        "for tests only: it keeps messages and does not deliver them",
    ),
    tls("fastmail", "Fastmail", "smtp.fastmail.com", APP_PASSWORD),
    tls("gandi", "Gandi", "mail.gandi.net", FULL_ADDRESS),
    tls(
        "gmail",
        "Gmail",
        "smtp.gmail.com",
        "the username is your full email address; the password is an app password, which needs \
         2-step verification (https://myaccount.google.com/apppasswords)",
    ),
    starttls(
        "gmx",
        "GMX",
        "mail.gmx.com",
        "first allow POP3 and IMAP access in the mailbox's settings",
    ),
    tls(
        "google-workspace-relay",
        "Google Workspace relay",
        "smtp-relay.gmail.com",
        "set ehloName to a name in your domain; otherwise the relay replies 421 4.7.0",
    ),
    starttls(
        "icloud",
        "iCloud",
        "smtp.mail.me.com",
        "the username is your full email address; the password is an app-specific password",
    ),
    tls("infomaniak", "Infomaniak", "mail.infomaniak.com", FULL_ADDRESS),
    starttls(
        "mailersend",
        "MailerSend",
        "smtp.mailersend.net",
        "log in with the domain's SMTP credentials",
    ),
    tls(
        "mailgun",
        "Mailgun",
        "smtp.mailgun.org",
        "log in with the domain's SMTP credentials; for EU domains, the host is smtp.eu.mailgun.org",
    ),
    starttls(
        "mailjet",
        "Mailjet",
        "in-v3.mailjet.com",
        "the username is the API key; the password is the secret key",
    ),
    Preset {
        id: "mailpit",
        title: "Mailpit or MailHog",
        host: "localhost",
        port: 1025,
        security: Security::None,
        hint: "a test inbox on this machine; it needs no login and no encryption",
    },
    tls("mailru", "Mail.ru", "smtp.mail.ru", APP_PASSWORD),
    starttls(
        "mailtrap",
        "Mailtrap",
        "live.smtp.mailtrap.io",
        "the username is the word api; the password is a token",
    ),
    starttls(
        "mandrill",
        "Mandrill",
        "smtp.mandrillapp.com",
        "any username works; the password is an API key",
    ),
    starttls(
        "microsoft365",
        "Microsoft 365",
        "smtp.office365.com",
        "SMTP AUTH must be on for the mailbox; Microsoft is replacing passwords with OAuth 2: run `smtp-connector \
         accounts authorize`",
    ),
    tls("one", "one.com", "send.one.com", FULL_ADDRESS),
    starttls(
        "outlook",
        "Outlook.com",
        "smtp-mail.outlook.com",
        "log in with OAuth 2, with `smtp-connector accounts authorize`; passwords no longer work",
    ),
    starttls(
        "postmark",
        "Postmark",
        "smtp.postmarkapp.com",
        "the username and the password are both the server token; port 465 does not respond",
    ),
    starttls("proton", "Proton Mail", "smtp.protonmail.ch", "the password is an SMTP token"),
    tls("qq", "QQ Mail", "smtp.qq.com", "the password is an authorisation code"),
    tls(
        "resend",
        "Resend",
        "smtp.resend.com",
        "the username is the word resend; the password is an API key",
    ),
    starttls(
        "sendgrid",
        "SendGrid",
        "smtp.sendgrid.net",
        "the username is the word apikey; the password is an API key",
    ),
    ses!("af-south-1"),
    ses!("ap-northeast-1"),
    ses!("ap-northeast-2"),
    ses!("ap-northeast-3"),
    ses!("ap-south-1"),
    ses!("ap-southeast-1"),
    ses!("ap-southeast-2"),
    ses!("ca-central-1"),
    ses!("eu-central-1"),
    ses!("eu-north-1"),
    ses!("eu-south-1"),
    ses!("eu-west-1"),
    ses!("eu-west-2"),
    ses!("eu-west-3"),
    ses!("il-central-1"),
    ses!("me-south-1"),
    ses!("sa-east-1"),
    ses!("us-east-1"),
    ses!("us-east-2"),
    ses!("us-west-1"),
    ses!("us-west-2"),
    Preset {
        id: "smtp2go",
        title: "SMTP2GO",
        host: "mail.smtp2go.com",
        port: 2525,
        security: Security::Starttls,
        hint: "log in with the username and password of an SMTP user",
    },
    starttls(
        "sparkpost",
        "SparkPost",
        "smtp.sparkpostmail.com",
        "the username is SMTP_Injection; the password is an API key",
    ),
    tls("yahoo", "Yahoo", "smtp.mail.yahoo.com", APP_PASSWORD),
    tls("yandex", "Yandex", "smtp.yandex.ru", APP_PASSWORD),
    tls(
        "zoho",
        "Zoho",
        "smtp.zoho.com",
        "each region has a different host (.eu, .in, ...); a wrong host refuses the password",
    ),
];

impl Preset {
    /// Returns the provider for hints about a server.
    pub(in crate::accounts) fn provider(&'static self) -> Provider {
        Provider { id: self.id, title: self.title, hint: self.hint }
    }

    /// Finds a preset by its id, in upper or lower case.
    pub fn find(id: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.id.eq_ignore_ascii_case(id))
    }

    /// Returns the message for an unknown id. It suggests up to 5 similar ids, such as `ses-us-east-1` for `ses`.
    pub fn unknown(id: &str) -> String {
        let id = id.to_ascii_lowercase();
        let is_near = |preset: &&Preset| {
            let title = preset.title.to_ascii_lowercase();
            id.len() > 1 && [preset.id, preset.host, &title].iter().any(|name| name.contains(&id))
        };
        let near: Vec<_> = PRESETS.iter().filter(is_near).map(|preset| preset.id).take(5).collect();
        let list = "run `smtp-connector providers` for the full list";
        match near.as_slice() {
            [] => format!("there is no such provider; {list}"),
            near => format!(
                "there is no such provider; did you mean {}? If not, {list}",
                near.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Account;
    use smtp_connector_smtp::settings::Auth;

    #[test]
    fn presets_can_be_used_and_found() {
        for preset in PRESETS {
            let builder = Account::with_provider("x", preset).auth(Auth::None);
            let account = builder.build().expect(preset.id);
            assert_eq!(account.port(), preset.port);
            assert_eq!(account.security(), preset.security);
            assert_eq!(Preset::find(&preset.id.to_uppercase()), Some(preset));
        }
        assert!(PRESETS.is_sorted_by(|one, next| one.id < next.id));
        assert_eq!(Preset::find("nobody"), None);
    }

    #[test]
    fn a_provider_by_another_name_is_found() {
        for (id, near) in [
            ("office365", "did you mean microsoft365?"),
            ("Google", "did you mean google-workspace-relay?"),
            ("Microsoft", "did you mean microsoft365?"),
            ("ses", "did you mean ses-af-south-1, ses-ap-northeast-1,"),
            ("nobody", "no such provider; run `smtp-connector providers`"),
        ] {
            assert!(Preset::unknown(id).contains(near), "{}", Preset::unknown(id));
        }
    }

    #[test]
    fn no_preset_sends_in_the_clear_to_another_machine() {
        for preset in PRESETS {
            assert!(
                preset.security != Security::None || preset.host == "localhost",
                "{}",
                preset.id
            );
        }
    }
}
