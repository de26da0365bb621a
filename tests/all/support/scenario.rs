//! The scenarios of a misbehaving server: where something goes wrong, and what.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

/// A point in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Ehlo,
    Helo,
    Starttls,
    Auth,
    /// AUTH with this mechanism only.
    AuthBy(&'static str),
    /// The n-th answer (from 1) in place of AUTH's usual reply.
    AuthAnswer(usize),
    Mail,
    /// A second MAIL on the same connection.
    MailAgain,
    /// MAIL with the null reverse-path.
    MailFromNull,
    /// The n-th recipient (from 1) on the connection.
    Rcpt(usize),
    Data,
    /// After the first bytes of a message.
    Body,
    /// After the final dot.
    Dot,
    /// After a second final dot on the same connection.
    DotAgain,
    Quit,
}

/// A fault.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Sends these bytes instead of the usual reply.
    Reply(&'static str),
    /// Sends these bytes, and then closes the connection.
    ReplyAndDrop(&'static str),
    /// Sends these bytes, one every 100 ms.
    Drip(&'static str),
    /// Closes the connection.
    Drop,
    /// Resets the connection.
    Reset,
    /// Stops sending and reading.
    Hang,
    /// Stops sending and reading for this time, once. Then everything goes on.
    Pause(Duration),
    /// Sends one endless line.
    EndlessLine,
    /// Sends endless lines.
    EndlessLines,
}

/// The treatment of pipelined commands: those that arrive behind another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AtOnce {
    /// Every command is answered.
    #[default]
    Answered,
    /// The first command is answered, and the others are lost.
    Lost,
    /// The first command is answered and the last one refused, because those between are lost.
    LostBetween,
    /// The first command is answered, and then the connection is closed.
    Dropped,
    /// All of them are lost.
    AllLost,
    /// These bytes answer all of them.
    Refused(&'static str),
}

/// The features that the server offers.
#[derive(Clone, Default)]
pub(crate) struct Offers {
    /// Keywords for EHLO. `None`: the usual ones.
    pub(crate) extensions: Option<Vec<&'static str>>,
    /// STARTTLS, with this configuration.
    pub(crate) starttls: Option<Arc<ServerConfig>>,
    /// Implicit TLS, with this configuration.
    pub(crate) implicit: Option<Arc<ServerConfig>>,
    /// The highest number of connections at once.
    pub(crate) most: Option<usize>,
    /// The treatment of pipelined commands.
    pub(crate) at_once: AtOnce,
}

/// The behaviour of the server.
#[derive(Clone, Default)]
pub(crate) struct Scenario {
    pub(crate) rules: Vec<(Stage, Act)>,
    pub(crate) offers: Offers,
}

impl Scenario {
    /// A scenario with one fault.
    pub(crate) fn when(stage: Stage, act: Act) -> Self {
        Self { rules: vec![(stage, act)], offers: Offers::default() }
    }

    /// Adds a fault.
    pub(crate) fn and(mut self, stage: Stage, act: Act) -> Self {
        self.rules.push((stage, act));
        self
    }

    /// Sets the offers.
    pub(crate) fn offering(self, offers: Offers) -> Self {
        Self { offers, ..self }
    }
}
