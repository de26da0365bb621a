//! What the server does in one run.

use super::random::Random;

/// Where in a conversation something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Ehlo,
    Helo,
    Mail,
    /// The recipient of that number in a transaction, from 1.
    Rcpt(usize),
    Data,
    /// After that many bytes of a message.
    Body(usize),
    /// The final dot of that number in a run, from 1.
    Dot(usize),
    Rset,
}

/// What happens there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// These bytes instead of the usual reply.
    Reply(&'static str),
    /// These bytes, and then the connection is closed.
    ReplyAndClose(&'static str),
    Close,
    Reset,
    /// Nothing is said or read for this many milliseconds.
    Stall(u64),
    /// The run is dropped, and nothing more is said.
    Abandon,
}

/// What happens to idle connections before a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    Kept,
    Closed,
    /// The server says that it closes, and does.
    SeenOff,
    /// The server says something that answers nothing.
    SpokenTo,
}

#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) rules: Vec<(Stage, Act)>,
    /// Keywords in the answer to EHLO, on connections that are opened in this run.
    pub(crate) offers: &'static [&'static str],
    /// Reads a few bytes at a time.
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
/// More bytes than a reply to the final dot may have after it.
const ONE_TOO_MANY: &[&str] =
    &["250 2.0.0 ok\r\n250 2.0.0 again\r\n", "250 2.0.0 ok\r\n421 bye\r\n", "250 2.0.0 ok\r\n4"];

impl Script {
    pub(crate) fn harmless() -> Self {
        Self { rules: Vec::new(), offers: ALL, is_slow: false, idle: Idle::Kept }
    }

    /// A script for a run whose account has short deadlines, or not.
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
        // A write fails where the server stops reading.
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
        // Longer than the account waits, and for less than a run lasts that goes on writing.
        _ if is_hasty => Act::Stall(random.pick(&[12, 15, 20, 40])),
        0 => Act::Close,
        1 => Act::Reset,
        2 => Act::Abandon,
        // Within a message a server may refuse it. Its client may have sent all of it by then.
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

/// A server that says more than it was asked for, or takes fewer recipients at once than there are.
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
