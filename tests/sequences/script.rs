//! The server's script for one run.

use super::random::Random;

/// A point in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Ehlo,
    Helo,
    Mail,
    /// The n-th recipient (from 1) of a transaction.
    Rcpt(usize),
    Data,
    /// After that many bytes of a message.
    Body(usize),
    /// The n-th final dot (from 1) of a run.
    Dot(usize),
    Rset,
}

/// An action of the script.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Sends these bytes instead of the usual reply.
    Reply(&'static str),
    /// Sends these bytes, and then closes the connection.
    ReplyAndClose(&'static str),
    Close,
    Reset,
    /// Stops sending and reading for this number of milliseconds.
    Stall(u64),
    /// Drops the run, and sends nothing more.
    Abandon,
}

/// An action on idle connections before a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    Kept,
    Closed,
    /// The server announces that it closes the connection, and closes it.
    SeenOff,
    /// The server sends a reply without a command.
    SpokenTo,
}

#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) rules: Vec<(Stage, Act)>,
    /// EHLO keywords, on connections that are opened in this run.
    pub(crate) offers: &'static [&'static str],
    /// True if the server reads a few bytes at a time.
    pub(crate) is_slow: bool,
    pub(crate) idle: Idle,
}

const ALL: &[&str] = &["PIPELINING", "SIZE 35882577", "8BITMIME", "SMTPUTF8", "DSN"];
const OFFERS: &[&[&str]] = &[
    ALL,
    ALL,
    &[],
    &["PIPELINING"],
    &["SIZE", "8BITMIME"],
    &["SMTPUTF8", "DSN"],
    &["PIPELINING", "SIZE 1000"],
];
const REFUSALS: &[&str] = &[
    "450 4.2.0 later\r\n",
    "451 later\r\n",
    "452 4.3.1 full\r\n",
    "550 5.1.1 no\r\n",
    "550-5.7.1 no\r\n550 5.7.1 never\r\n",
    "552 5.3.4 large\r\n",
    "421 4.3.2 bye\r\n",
    "250 2.1.5 yes\r\n",
    "350 what\r\n",
    "nonsense\r\n",
    "250-one\r\n450 two\r\n",
];
const TOO_MANY: &str = "452 4.5.3 too many recipients\r\n";
/// Replies to the final dot, with further bytes behind them.
const ONE_TOO_MANY: &[&str] =
    &["250 2.0.0 ok\r\n250 2.0.0 again\r\n", "250 2.0.0 ok\r\n421 bye\r\n", "250 2.0.0 ok\r\n4"];

impl Script {
    pub(crate) fn harmless() -> Self {
        Self { rules: Vec::new(), offers: ALL, is_slow: false, idle: Idle::Kept }
    }

    /// Generates a script for a run whose account has short timeouts or not.
    pub(crate) fn of(random: &mut Random, is_hasty: bool) -> Self {
        let mut rules = Vec::new();
        let number = match random.below(10) {
            0..5 if !is_hasty => 0,
            9 => 2,
            _ => 1,
        };
        for _ in 0..number {
            rules.extend(rule(random, is_hasty));
        }
        let idle = match random.below(24) {
            0 => Idle::Closed,
            1 => Idle::SeenOff,
            2 => Idle::SpokenTo,
            _ => Idle::Kept,
        };
        Self { rules, offers: random.pick(OFFERS), is_slow: random.one_in(30), idle }
    }
}

fn rule(random: &mut Random, is_hasty: bool) -> Vec<(Stage, Act)> {
    let stage = match random.below(24) {
        // A write fails if the server stops reading.
        _ if is_hasty && !random.one_in(4) => Stage::Body(random.below(400)),
        0 => Stage::Greeting,
        1 => Stage::Ehlo,
        2 => Stage::Helo,
        3 | 4 => Stage::Mail,
        5..9 => Stage::Rcpt(1 + random.below(3)),
        9 | 10 => Stage::Data,
        11..14 => Stage::Body(random.below(400)),
        14..18 => Stage::Dot(if random.one_in(4) { 2 } else { 1 }),
        18 => Stage::Rset,
        _ => return special(random),
    };
    let act = match random.below(12) {
        // Longer than the account waits, but shorter than a run that goes on writing.
        _ if is_hasty => Act::Stall(random.pick(&[12, 15, 20, 40])),
        0 => Act::Close,
        1 => Act::Reset,
        2 => Act::Abandon,
        // A server may refuse a message before its end. The client may have sent all of it by then.
        _ if matches!(stage, Stage::Body(_)) => Act::ReplyAndClose("552 5.3.4 large\r\n"),
        3 => Act::ReplyAndClose(random.pick(REFUSALS)),
        4..7 if matches!(stage, Stage::Rcpt(_)) => Act::Reply(TOO_MANY),
        _ => Act::Reply(random.pick(REFUSALS)),
    };
    match stage {
        Stage::Helo => vec![(Stage::Ehlo, Act::Reply("500 5.5.1 what\r\n")), (stage, act)],
        _ => vec![(stage, act)],
    }
}

/// A server that sends more replies than expected, or limits the recipients of a transaction.
fn special(random: &mut Random) -> Vec<(Stage, Act)> {
    let early = Act::Reply("354 go\r\n250 2.0.0 early\r\n");
    let end = Act::Reply(random.pick(ONE_TOO_MANY));
    let further = (Stage::Rcpt(1 + random.below(2)), Act::Reply(TOO_MANY));
    match random.below(8) {
        0 => vec![
            (Stage::Data, early),
            (Stage::Dot(1), Act::Reply("")),
            (Stage::Dot(2), Act::Reply("")),
        ],
        1 | 2 => vec![(Stage::Dot(1), end)],
        3 | 4 => vec![further, (Stage::Dot(1), end)],
        5 => vec![further, (Stage::Dot(2), Act::Reply(random.pick(REFUSALS)))],
        6 => vec![further, (Stage::Dot(2), Act::Close)],
        _ => vec![further],
    }
}
