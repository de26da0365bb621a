//! The puppet's program for one run, and the messages that it can send.

use std::fmt;

/// The calls of a run, and how it ends.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
}

/// A call to the host, or an action in its place.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Begin {
        slot: usize,
        envelope: Envelope,
    },
    /// Calls `begin` with these words as its arguments.
    BeginNonsense {
        slot: usize,
        words: Vec<u32>,
    },
    Write {
        to: Handle,
        chunk: Chunk,
    },
    /// Calls `write` with bytes that are outside memory.
    WriteNowhere {
        to: Handle,
    },
    Finish {
        of: Handle,
        forgets: bool,
    },
    DropOutgoing {
        of: Handle,
        forgets: bool,
    },
    OpenUpload {
        slot: usize,
        id: String,
    },
    Fetch {
        slot: usize,
        url: String,
    },
    Read {
        of: Handle,
        most: u32,
    },
    Metadata {
        of: Handle,
    },
    DropContent {
        of: Handle,
        forgets: bool,
    },
    Account,
    Invocation,
    /// Ends the run with the transport's last failure, if the last call failed.
    PassOn,
}

/// The handle for a call: the one that the puppet keeps in a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle {
    pub(crate) slot: usize,
    /// Skips the call if the slot is empty.
    pub(crate) skips: bool,
}

/// The initial content of each slot. Zero is an empty slot: three for messages, three for attachments. The others hold
/// numbers that are never handles.
pub(crate) const SLOTS: [u32; 9] = [0, 0, 0, 0, 0, 0, 77, 0x7fff_ffff, u32::MAX];
pub(crate) const CONTENTS: usize = 3;
pub(crate) const NUMBERS: usize = 6;

#[derive(Clone, Debug, Default)]
pub(crate) struct Envelope {
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) allow_partial: bool,
    pub(crate) utf8_headers: bool,
    pub(crate) size: Option<u64>,
    /// Flags, report and envelope id.
    pub(crate) notification: Option<(u32, Option<u32>, Option<String>)>,
}

/// The bytes of one write.
#[derive(Clone)]
pub(crate) enum Chunk {
    Bytes(Vec<u8>),
    /// Lines of 62 equal octets, too large to be part of the program.
    Lines {
        octet: u8,
        count: u32,
    },
}

/// How a run ends.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Result(String),
    /// A failure: its phase, retry and delivered as numbers.
    Failure {
        phase: u32,
        retry: u32,
        delivered: u32,
    },
    Invalid,
    /// A result that points outside memory.
    Nonsense,
    Trap,
}

/// A message that the run may have sent, if its beginning succeeded.
pub(crate) struct Attempt<'p> {
    pub(crate) envelope: &'p Envelope,
    pub(crate) written: Vec<u8>,
    pub(crate) is_finished: bool,
}

impl Chunk {
    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Bytes(own) => bytes.extend_from_slice(own),
            Self::Lines { octet, count } => {
                let line = [&[*octet; 62][..], b"\r\n"].concat();
                (0..*count).for_each(|_| bytes.extend_from_slice(&line));
            }
        }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{:?}", String::from_utf8_lossy(bytes)),
            Self::Lines { octet, count } => write!(f, "{count} lines of {:?}", char::from(*octet)),
        }
    }
}

impl Program {
    /// Returns the messages that the program can send if every call succeeds. A run sends at most one of them.
    pub(crate) fn attempts(&self) -> Vec<Attempt<'_>> {
        let mut attempts = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            if let Step::Begin { slot, envelope } = step {
                self.follow(at, *slot, envelope, &mut attempts);
            }
        }
        attempts
    }

    /// Follows a message from its beginning. A slot that keeps a stale handle may name this message, because handle
    /// numbers are reused: a call through it is followed both ways.
    fn follow<'p>(
        &'p self,
        at: usize,
        own: usize,
        envelope: &'p Envelope,
        attempts: &mut Vec<Attempt<'p>>,
    ) {
        /// More than any program needs.
        const MOST: usize = 64;
        let mut stale: Vec<usize> =
            self.steps[..at].iter().filter_map(Step::leaves_stale).collect();
        let mut open = vec![Vec::new()];
        let mut end = |written: &Vec<u8>, is_finished| {
            attempts.push(Attempt { envelope, written: written.clone(), is_finished });
        };
        for step in &self.steps[at + 1..] {
            match step {
                Step::Write { to, chunk } if to.slot == own => {
                    open.iter_mut().for_each(|written| chunk.append_to(written));
                }
                Step::Write { to, chunk } if stale.contains(&to.slot) && open.len() < MOST => {
                    let mut others = open.clone();
                    others.iter_mut().for_each(|written| chunk.append_to(written));
                    open.extend(others);
                }
                Step::Finish { of, .. } if of.slot == own => {
                    open.iter().for_each(|written| end(written, true));
                    return;
                }
                Step::Finish { of, .. } if stale.contains(&of.slot) => {
                    open.iter().for_each(|written| end(written, true));
                }
                Step::DropOutgoing { of, .. } if of.slot == own => break,
                _ => stale.extend(step.leaves_stale()),
            }
        }
        open.iter().for_each(|written| end(written, false));
    }
}

impl Step {
    /// Returns the slot that keeps its handle although this call consumes it.
    fn leaves_stale(&self) -> Option<usize> {
        match self {
            Self::Finish { of, forgets: false }
            | Self::DropOutgoing { of, forgets: false }
            | Self::DropContent { of, forgets: false } => Some(of.slot),
            _ => None,
        }
    }
}
