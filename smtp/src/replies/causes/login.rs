//! Refused logins.

use crate::failure::Phase::{Auth, MailFrom};
use crate::failure::{Mend, Phase, Retry};
use crate::replies::Given;
use crate::replies::causes::{Cause, ROW};

const LOGIN: &[Phase] = &[Auth];

/// Phrases of Gmail and Mail.ru.
const APP_PASSWORD: &[&str] = &[
    "application-specific password",
    "application password is required",
    "neobhodim parol prilozheniya",
];

pub(crate) const CAUSES: &[Cause] = &[
    Cause {
        name: "microsoft-smtp-auth-off",
        phases: LOGIN,
        words: &["smtpclientauthentication is disabled"],
        hint: "SMTP AUTH is off: turn it on for the mailbox, in the Microsoft 365 admin center under Mail apps, or for \
               the tenant (https://aka.ms/smtp_auth_disabled)",
        samples: &[
            (
                Auth,
                "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
            ),
            (
                Auth,
                "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.",
            ),
        ],
        ..ROW
    },
    Cause {
        name: "microsoft-passwords-off",
        words: &["basic authentication is disabled", "basic authentication is not supported"],
        retry: Some(Retry::AfterConfigChange),
        hint: "this server no longer accepts passwords: set the account's oauth2 to log in with OAuth 2",
        samples: &[
            (Auth, "550 5.7.30 Basic authentication is not supported for Client Submission."),
            (Auth, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."),
        ],
        ..ROW
    },
    Cause {
        // In other phases, this code is about REQUIRETLS (RFC 8689 section 5).
        name: "passwords-off",
        phases: LOGIN,
        enhanced: &["5.7.30"],
        hint: "this server accepts access tokens but not passwords: set the account's oauth2 to log in with OAuth 2",
        samples: &[(Auth, "550 5.7.30 Password logins are off")],
        ..ROW
    },
    Cause {
        name: "microsoft-login-policy",
        phases: LOGIN,
        words: &["did not meet the criteria to be authenticated"],
        hint: "the tenant's security defaults or a conditional access policy block this login: ask the administrator \
               to allow SMTP for the user, or log in with OAuth 2",
        samples: &[(
            Auth,
            "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.",
        )],
        ..ROW
    },
    Cause {
        name: "token-refused-by-provider",
        phases: LOGIN,
        codes: &[5],
        given: &[Given::Token, Given::Provider],
        hint: "the server refused the access token: check the username, the token's scope, and that the user may send \
               over SMTP; {provider}",
        samples: &[(Auth, "535 5.7.8 Username and Password not accepted.")],
        ..ROW
    },
    Cause {
        name: "token-refused",
        phases: LOGIN,
        codes: &[5],
        given: &[Given::Token],
        hint: "the server refused the access token: check the username, the token's scope, and that the user may send \
               over SMTP",
        samples: &[(Auth, "535 5.7.3 Authentication unsuccessful")],
        ..ROW
    },
    Cause {
        name: "microsoft-login",
        phases: LOGIN,
        enhanced: &["5.7.139"],
        hint: "check the username and the password. SMTP AUTH must be on for the mailbox, and a user with multi-factor \
               authentication must log in with OAuth 2",
        samples: &[(
            Auth,
            "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
        )],
        ..ROW
    },
    Cause {
        name: "web-login",
        phases: LOGIN,
        enhanced: &["5.7.14"],
        words: &["log in via your web browser", "log in with your web browser", "webloginrequired"],
        hint: "log in once in a web browser and confirm that it was you, then use an app password here",
        samples: &[
            (
                Auth,
                "534-5.7.14 <https://accounts.google.com/signin/continue?sarp=1> Please log in via\n534 5.7.14 your web browser and then try again. - gsmtp",
            ),
            (
                Auth,
                "534-5.7.9 Please log in with your web browser and then try again. Learn more at\n534 5.7.9 https://support.google.com/mail/?p=WebLoginRequired - gsmtp",
            ),
        ],
        ..ROW
    },
    Cause {
        name: "app-password-of-provider",
        phases: LOGIN,
        enhanced: &["5.7.9"],
        words: APP_PASSWORD,
        given: &[Given::Provider],
        hint: "log in with an app password, not with your normal password. {provider}",
        samples: &[(
            Auth,
            "534-5.7.9 Application-specific password required. For more information, go to\n534 5.7.9 https://support.google.com/mail/?p=InvalidSecondFactor - gsmtp",
        )],
        ..ROW
    },
    Cause {
        name: "app-password",
        phases: LOGIN,
        enhanced: &["5.7.9"],
        words: APP_PASSWORD,
        hint: "log in with an app password: the provider does not accept your normal password",
        samples: &[
            (
                Auth,
                "534-5.7.9 Application-specific password required. For more information, go to\n534 5.7.9 https://support.google.com/mail/?p=InvalidSecondFactor - gsmtp",
            ),
            (
                Auth,
                "535 5.7.0 NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security/protection/external / Application password is REQUIRED",
            ),
        ],
        ..ROW
    },
    Cause {
        name: "authorisation-code",
        phases: LOGIN,
        words: &["enter your authorization code"],
        hint: "as the password, use the authorisation code from the mailbox's settings, not your normal password",
        samples: &[(Auth, "535 Login Fail. Please enter your authorization code to login.")],
        ..ROW
    },
    Cause {
        name: "smtp-access-off",
        phases: LOGIN,
        words: &["does not have access rights to this service", "user has no permission"],
        hint: "turn on access for mail programs (SMTP, IMAP, POP3) in the mailbox's settings, then log in with the \
               password that is created for them",
        samples: &[
            (
                Auth,
                "535 5.7.8 Error: authentication failed: This user does not have access rights to this service",
            ),
            (Auth, "550 User has no permission"),
        ],
        ..ROW
    },
    Cause {
        name: "api-key-revoked",
        phases: LOGIN,
        words: &["authorization grant is invalid, expired, or revoked"],
        hint: "the API key is revoked or may not send: create one with the permission to send mail",
        samples: &[(
            Auth,
            "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked",
        )],
        ..ROW
    },
    Cause {
        name: "account-disabled",
        phases: &[Auth, MailFrom],
        words: &[
            "account disabled",
            "account is disabled",
            "account has been disabled",
            "account is locked",
            "account has been locked",
            "account is suspended",
            "account has been suspended",
            "account is not yet activated",
        ],
        retry: Some(Retry::AfterConfigChange),
        hint: "the provider has locked, suspended or not yet activated this account: contact the provider",
        samples: &[
            (Auth, "535 5.7.8 Error: authentication failed: account is disabled"),
            (
                MailFrom,
                "502 5.7.0 Your SMTP account is not yet activated. Please contact us to request activation.",
            ),
        ],
        ..ROW
    },
    Cause {
        name: "address-not-registered",
        phases: LOGIN,
        words: &["ip address is not whitelisted", "unauthorized ip address"],
        hint: "the provider accepts logins only from registered IP addresses: add this machine's public address there",
        samples: &[
            (Auth, "535 Authentication failed: The requestor's IP Address is not whitelisted"),
            (Auth, "525 5.7.1 Unauthorized IP address"),
        ],
        ..ROW
    },
    Cause {
        name: "mechanism-refused",
        phases: LOGIN,
        codes: &[504],
        mend: Some(Mend::AutoAuth),
        hint: "the server does not support this login mechanism: set the account's auth to another one, or to auto",
        samples: &[(Auth, "504 5.7.4 Unrecognized authentication type")],
        ..ROW
    },
    Cause {
        name: "login-refused-by-provider",
        phases: LOGIN,
        codes: &[5],
        given: &[Given::Provider],
        hint: "check the username and the password. {provider}",
        samples: &[
            (Auth, "535 5.7.8 Error: authentication failed"),
            (Auth, "535 Authentication Failed"),
        ],
        ..ROW
    },
    Cause {
        name: "gmail-login",
        phases: LOGIN,
        words: &["username and password not accepted"],
        hint: "use your full address as the username, and an app password, which needs 2-step verification \
               (https://myaccount.google.com/apppasswords)",
        samples: &[(
            Auth,
            "535-5.7.8 Username and Password not accepted. For more information, go to\n535 5.7.8 https://support.google.com/mail/?p=BadCredentials - gsmtp",
        )],
        ..ROW
    },
    Cause {
        name: "sendgrid-login",
        phases: LOGIN,
        words: &["bad username / password"],
        hint: "check the username and the password. For SendGrid, the username is the word apikey, and the password is \
               an API key",
        samples: &[(Auth, "535 Authentication failed: Bad username / password")],
        ..ROW
    },
    Cause {
        name: "credentials-invalid",
        phases: LOGIN,
        words: &["authentication credentials invalid"],
        hint: "check the username and the password. Amazon SES needs SMTP credentials for the host's region, not IAM \
               keys; for GMX and WEB.DE, turn on POP3 and IMAP in the mailbox's settings",
        samples: &[
            (Auth, "535 Authentication Credentials Invalid"),
            (Auth, "535 Authentication credentials invalid"),
        ],
        ..ROW
    },
    Cause {
        name: "exchange-login",
        phases: LOGIN,
        enhanced: &["5.7.3"],
        hint: "check the password and the username, which is the full address or DOMAIN\\user. In Microsoft 365, SMTP \
               AUTH must be on for the mailbox",
        samples: &[(Auth, "535 5.7.3 Authentication unsuccessful")],
        ..ROW
    },
    Cause {
        name: "stronger-login",
        phases: LOGIN,
        codes: &[534],
        hint: "the server does not accept a password with this mechanism: log in with an app password, or set the \
               account's auth to another mechanism",
        samples: &[(Auth, "534 Authentication mechanism is too weak")],
        ..ROW
    },
    Cause {
        name: "login-unavailable",
        phases: LOGIN,
        codes: &[454],
        hint: "the server cannot check logins at the moment: try again later",
        samples: &[(Auth, "454 4.7.0 Temporary authentication failure")],
        ..ROW
    },
    Cause {
        name: "login-refused",
        phases: LOGIN,
        codes: &[5],
        hint: "check the username and the password; many providers require an app password or an API key instead",
        samples: &[
            (Auth, "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6"),
            (Auth, "535 Incorrect authentication data"),
        ],
        ..ROW
    },
];
