//! One row of the table of causes.

use std::time::Duration;

use crate::failure::{FailureCode, Mend, Phase, Retry};

/// A cause of failure: the replies that show it, and the hint.
///
/// A row matches if all of its conditions hold. An empty list is not a condition.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Cause {
    /// The row's name, in kebab case.
    pub name: &'static str,
    /// The phases in which the row can match.
    pub phases: &'static [Phase],
    /// Reply codes. A single digit means a class: 4 or 5.
    pub codes: &'static [u16],
    /// Enhanced status codes (RFC 3463). A code that ends with a dot is a prefix. A reply must have one of these or one
    /// of `words`.
    pub enhanced: &'static [&'static str],
    /// Phrases in the reply, in lower case.
    pub words: &'static [&'static str],
    /// Provider ids. The account's provider must be one of them. An id that ends with a dash is a prefix.
    pub providers: &'static [&'static str],
    /// Facts about the account and its connection. All of them must hold.
    pub given: &'static [Given],
    /// A feature that the server does not offer. Such a row does not match replies.
    pub lack: Option<Lack>,
    /// The failure code, if it differs from the phase's.
    pub code: Option<FailureCode>,
    /// The retry class of a permanent reply, if it differs from the phase's. A transient reply always gets
    /// [`Retry::Later`].
    pub retry: Option<Retry>,
    /// The change of the account's settings that mends it.
    pub mend: Option<Mend>,
    /// How long the whole account should wait, if the server limits the account and not this message.
    pub account_wait: Option<Duration>,
    /// The hint for the user. `{provider}` is replaced with the provider's title and hint, `{host}` and `{port}` with
    /// the account's.
    pub hint: &'static str,
    /// Replies of real servers that show the cause, each with its phase. For a `lack`, these are replies to EHLO.
    pub samples: &'static [(Phase, &'static str)],
}

/// A fact about an account and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Given {
    /// The account lets the connector choose the mechanism.
    AutoAuth,
    /// The account names a mechanism.
    ChosenAuth,
    /// The connection is not encrypted.
    Cleartext,
    /// The connection is encrypted.
    Encrypted,
    /// The account has a username.
    Login,
    /// The account does not have a username.
    NoLogin,
    /// The provider is known from the account's settings or from the host.
    Provider,
    /// The server offers STARTTLS.
    StarttlsOffered,
    /// The account logs in with an access token.
    Token,
    /// The server offers a login with an access token.
    TokensOffered,
}

/// A feature that the account needs and the server does not offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lack {
    /// Any login (RFC 4954).
    Login,
    /// A mechanism that the account can use.
    Mechanism,
    /// STARTTLS (RFC 3207).
    Starttls,
}

/// A row without conditions: the default values for the rows of the table.
pub(crate) const ROW: Cause = Cause {
    name: "",
    phases: &[],
    codes: &[],
    enhanced: &[],
    words: &[],
    providers: &[],
    given: &[],
    lack: None,
    code: None,
    retry: None,
    mend: None,
    account_wait: None,
    hint: "",
    samples: &[],
};

/// The phases before the login.
pub(crate) const OPENING: &[Phase] = &[Phase::Greeting, Phase::Ehlo];
/// The phases of the envelope.
pub(crate) const ENVELOPE: &[Phase] = &[Phase::MailFrom, Phase::RcptTo, Phase::Data];
/// The phases of the envelope and the message.
pub(crate) const SENDING: &[Phase] =
    &[Phase::MailFrom, Phase::RcptTo, Phase::Data, Phase::Body, Phase::FinalReply];
/// The phases of the message.
pub(crate) const MESSAGE: &[Phase] = &[Phase::Data, Phase::Body, Phase::FinalReply];
/// The phases in which a server may refuse the size.
pub(crate) const SIZED: &[Phase] = &[Phase::MailFrom, Phase::Data, Phase::Body, Phase::FinalReply];
