//! A row of the table of causes.

use crate::failure::{FailureCode, Phase, Retry};

/// A cause of failure: the replies that show it, and what helps.
///
/// A row matches if every condition that it sets holds. An empty list sets no condition.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Cause {
    /// The row's name, in kebab case.
    pub name: &'static str,
    /// The phases in which it is looked for.
    pub phases: &'static [Phase],
    /// Reply codes. A single digit stands for a class: 4 or 5.
    pub codes: &'static [u16],
    /// Enhanced status codes (RFC 3463). One that ends with a dot is a prefix. A reply needs one of these or one of
    /// `words`.
    pub enhanced: &'static [&'static str],
    /// Words of the reply, in lower case.
    pub words: &'static [&'static str],
    /// Ids of providers, of which the account's must be one. One that ends with a dash is a prefix.
    pub providers: &'static [&'static str],
    /// Facts about the account and its connection, all of which must hold.
    pub given: &'static [Given],
    /// What the server does not offer. Such a row matches no reply.
    pub lack: Option<Lack>,
    /// The failure's code, where it is not the phase's.
    pub code: Option<FailureCode>,
    /// The retry class of a permanent reply, where it is not the phase's. After a transient reply it is always
    /// [`Retry::Later`].
    pub retry: Option<Retry>,
    /// What a person can do. `{provider}` stands for the provider's title and hint, `{host}` and `{port}` for the
    /// account's.
    pub hint: &'static str,
    /// Replies of real servers that show the cause, each with its phase. For a `lack`, replies to EHLO.
    pub samples: &'static [(Phase, &'static str)],
}

/// A fact about an account and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Given {
    /// The account leaves the choice of the mechanism to the connector.
    AutoAuth,
    /// The account names a mechanism.
    ChosenAuth,
    /// The connection is not encrypted.
    Cleartext,
    /// The connection is encrypted.
    Encrypted,
    /// The account has a user name.
    Login,
    /// The account has no user name.
    NoLogin,
    /// The provider is known, by the account's settings or by the host.
    Provider,
    /// The server offers STARTTLS.
    StarttlsOffered,
    /// The account logs in with an access token.
    Token,
    /// The server offers a login by access token.
    TokensOffered,
}

/// What a server does not offer and the account needs.
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

/// A row without conditions. The table's rows say what differs.
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
    hint: "",
    samples: &[],
};

/// Before the login.
pub(crate) const OPENING: &[Phase] = &[Phase::Greeting, Phase::Ehlo];
/// The envelope.
pub(crate) const ENVELOPE: &[Phase] = &[Phase::MailFrom, Phase::RcptTo, Phase::Data];
/// The envelope and the message.
pub(crate) const SENDING: &[Phase] =
    &[Phase::MailFrom, Phase::RcptTo, Phase::Data, Phase::Body, Phase::FinalReply];
/// The message.
pub(crate) const MESSAGE: &[Phase] = &[Phase::Data, Phase::Body, Phase::FinalReply];
/// Where a size may be refused.
pub(crate) const SIZED: &[Phase] = &[Phase::MailFrom, Phase::Data, Phase::Body, Phase::FinalReply];
