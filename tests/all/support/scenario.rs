//! What a server does that misbehaves: where, and what.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

/// Where in a conversation something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Ehlo,
    Helo,
    Starttls,
    Auth,
    /// AUTH by that mechanism alone.
    AuthBy(&'static str),
    /// The answer of that number, from 1, to what came instead of AUTH's usual reply.
    AuthAnswer(usize),
    Mail,
    /// Another MAIL on the same connection.
    MailAgain,
    /// The recipient of that number, from 1, counted through the connection.
    Rcpt(usize),
    Data,
    /// After the first bytes of a message.
    Body,
    /// After the final dot.
    Dot,
    /// After another final dot on the same connection.
    DotAgain,
    Quit,
}

/// What happens there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// These bytes instead of the usual reply.
    Reply(&'static str),
    /// These bytes, and then the connection is closed.
    ReplyAndDrop(&'static str),
    /// These bytes, one every 100 ms.
    Drip(&'static str),
    /// The connection is closed.
    Drop,
    /// The connection is reset.
    Reset,
    /// Nothing more is said or read.
    Hang,
    /// Nothing is said or read for so long; then everything goes on, and there is no second pause.
    Pause(Duration),
    /// One line without an end.
    EndlessLine,
    /// Lines without an end.
    EndlessLines,
}

/// What becomes of commands that arrive together with another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AtOnce {
    /// Each is answered.
    #[default]
    Answered,
    /// The first is answered, and the others are lost.
    Lost,
    /// The first is answered, and the last refused, since the others are lost.
    LostBetween,
    /// The first is answered, and then the connection is closed.
    Dropped,
    /// All of them are lost.
    AllLost,
    /// These bytes answer all of them.
    Refused(&'static str),
}

/// What the server offers.
#[derive(Clone, Default)]
pub(crate) struct Offers {
    /// Keywords for EHLO; none given: the usual ones.
    pub(crate) extensions: Option<Vec<&'static str>>,
    /// STARTTLS, with this configuration.
    pub(crate) starttls: Option<Arc<ServerConfig>>,
    /// TLS from the first byte.
    pub(crate) implicit: Option<Arc<ServerConfig>>,
    /// So many connections at once, and no more.
    pub(crate) most: Option<usize>,
    /// What becomes of commands that arrive behind another.
    pub(crate) at_once: AtOnce,
}

/// What the server does.
#[derive(Clone, Default)]
pub(crate) struct Scenario {
    pub(crate) rules: Vec<(Stage, Act)>,
    pub(crate) offers: Offers,
}

impl Scenario {
    /// One thing that goes wrong.
    pub(crate) fn when(stage: Stage, act: Act) -> Self {
        Self { rules: vec![(stage, act)], offers: Offers::default() }
    }

    /// One more thing that goes wrong.
    pub(crate) fn and(mut self, stage: Stage, act: Act) -> Self {
        self.rules.push((stage, act));
        self
    }

    /// With these offers.
    pub(crate) fn offering(self, offers: Offers) -> Self {
        Self { offers, ..self }
    }
}
