//! Providers whose settings are known.

use smtp_connector_smtp::settings::Provider;
use smtp_connector_smtp::settings::Security;

/// A provider's settings, and what its users have to know.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name for settings and commands.
    pub id: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The server.
    pub host: &'static str,
    /// The port.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: Security,
    /// What to log in with, and what goes wrong.
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

/// Amazon SES has a host for each region, and credentials that are good for one region alone.
macro_rules! ses {
    ($region:literal) => {
        tls(
            concat!("ses-", $region),
            concat!("Amazon SES, ", $region),
            concat!("email-smtp.", $region, ".amazonaws.com"),
            "log in with SMTP credentials of this region, not with IAM keys",
        )
    };
}

const APP_PASSWORD: &str = "log in with an app password, not with the account's own";
const FULL_ADDRESS: &str = "the user name is the whole address";

/// Every preset, in alphabetical order.
///
/// Sources: the providers' pages, and Nodemailer's `well-known/services.json`, whose 587 presets are made
/// to require STARTTLS here.
pub const PRESETS: &[Preset] = &[
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
        "for tests: mails are kept, not delivered",
    ),
    tls("fastmail", "Fastmail", "smtp.fastmail.com", APP_PASSWORD),
    tls("gandi", "Gandi", "mail.gandi.net", FULL_ADDRESS),
    tls(
        "gmail",
        "Gmail",
        "smtp.gmail.com",
        "the user name is the whole address; the password is an app password, which needs 2-step \
         verification to be on (https://myaccount.google.com/apppasswords)",
    ),
    starttls(
        "gmx",
        "GMX",
        "mail.gmx.com",
        "allow POP3 and IMAP access in the mailbox's settings first",
    ),
    tls(
        "google-workspace-relay",
        "Google Workspace relay",
        "smtp-relay.gmail.com",
        "set ehloName to a name of your domain, or the relay answers 421 4.7.0",
    ),
    starttls(
        "icloud",
        "iCloud",
        "smtp.mail.me.com",
        "an app-specific password; the user name is the whole address",
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
        "log in with the domain's SMTP credentials; EU domains are at smtp.eu.mailgun.org",
    ),
    starttls(
        "mailjet",
        "Mailjet",
        "in-v3.mailjet.com",
        "the user name is the API key, the password the secret key",
    ),
    Preset {
        id: "mailpit",
        title: "Mailpit or MailHog",
        host: "localhost",
        port: 1025,
        security: Security::None,
        hint: "an inbox on this machine: no login, no encryption",
    },
    tls("mailru", "Mail.ru", "smtp.mail.ru", APP_PASSWORD),
    starttls(
        "mailtrap",
        "Mailtrap",
        "live.smtp.mailtrap.io",
        "the user name is api, the password a token",
    ),
    starttls(
        "mandrill",
        "Mandrill",
        "smtp.mandrillapp.com",
        "any user name; the password is an API key",
    ),
    starttls(
        "microsoft365",
        "Microsoft 365",
        "smtp.office365.com",
        "SMTP AUTH must be switched on for the mailbox; passwords are being phased out in favour of OAuth 2",
    ),
    tls("one", "one.com", "send.one.com", FULL_ADDRESS),
    starttls(
        "outlook",
        "Outlook.com",
        "smtp-mail.outlook.com",
        "passwords no longer work here: OAuth 2 alone does",
    ),
    starttls(
        "postmark",
        "Postmark",
        "smtp.postmarkapp.com",
        "the server token is both user name and password; port 465 does not answer",
    ),
    starttls("proton", "Proton Mail", "smtp.protonmail.ch", "the password is an SMTP token"),
    tls("qq", "QQ Mail", "smtp.qq.com", "the password is an authorisation code"),
    tls("resend", "Resend", "smtp.resend.com", "the user name is resend, the password an API key"),
    starttls(
        "sendgrid",
        "SendGrid",
        "smtp.sendgrid.net",
        "the user name is the word apikey, the password an API key",
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
        hint: "log in with an SMTP user",
    },
    starttls(
        "sparkpost",
        "SparkPost",
        "smtp.sparkpostmail.com",
        "the user name is SMTP_Injection, the password an API key",
    ),
    tls("yahoo", "Yahoo", "smtp.mail.yahoo.com", APP_PASSWORD),
    tls("yandex", "Yandex", "smtp.yandex.ru", APP_PASSWORD),
    tls(
        "zoho",
        "Zoho",
        "smtp.zoho.com",
        "regions have hosts of their own (.eu, .in, ...): the wrong one refuses the password",
    ),
];

impl Preset {
    /// What hints about a server say of the provider.
    pub(in crate::accounts) fn provider(&'static self) -> Provider {
        Provider { id: self.id, title: self.title, hint: self.hint }
    }

    /// The preset of that id, whatever its case.
    pub fn find(id: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.id.eq_ignore_ascii_case(id))
    }

    /// Says that there is no provider of that id, and names those that may be meant: `ses` is one of many.
    pub fn unknown(id: &str) -> String {
        let id = id.to_ascii_lowercase();
        let is_near = |preset: &&Preset| {
            let title = preset.title.to_ascii_lowercase();
            id.len() > 1 && [preset.id, preset.host, &title].iter().any(|name| name.contains(&id))
        };
        let near: Vec<_> = PRESETS.iter().filter(is_near).map(|preset| preset.id).take(5).collect();
        let list = "`smtp-connector providers` lists them";
        match near.as_slice() {
            [] => format!("there is no such provider; {list}"),
            near => format!("there is no such provider; there is {}, and {list}", near.join(", ")),
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
            ("office365", "there is microsoft365,"),
            ("Google", "there is google-workspace-relay,"),
            ("Microsoft", "there is microsoft365,"),
            ("ses", "there is ses-af-south-1, ses-ap-northeast-1,"),
            ("nobody", "no such provider; `smtp-connector providers`"),
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
