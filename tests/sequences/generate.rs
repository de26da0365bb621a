//! Generates the runs of a seed. Many of them reach a finished message.

use serde_json::json;

use super::case::{Case, Input, Rules};
use super::compose::{content, envelope, pieces};
use super::input::{PATHS, UPLOADS, input};
use super::material::{BAD_BODY, BAD_HEADERS, BODY, HEADERS};
use super::program::{CONTENTS, Chunk, End, Handle, NUMBERS, Program, SLOTS, Step};
use super::random::Random;
use super::script::{Script, Stage};

/// The highest number of calls in a program that are not part of a message.
const NOISE: usize = 12;

/// Generates a run. `web` is the address of the web server.
pub(crate) fn case(random: &mut Random, web: &str) -> Case {
    let input = input(random, web);
    let is_hasty = random.one_in(100);
    let script = Script::of(random, is_hasty);
    // A fault at or after a message's end needs a program that gets there.
    let is_late = |stage: &Stage| matches!(stage, Stage::Dot(_) | Stage::Rcpt(_));
    let has_end = script.rules.iter().any(|(stage, _)| is_late(stage));
    let is_sound = is_hasty || has_end && random.one_in(2);
    let rules = Rules {
        senders: random.one_in(2),
        domains: random.one_in(if is_sound { 8 } else { 3 }),
        redirects: random.one_in(if is_sound { 12 } else { 6 }),
    };
    let program = match random.below(10) {
        0..8 => message(random, &input, web, is_sound, is_hasty),
        _ if is_sound => message(random, &input, web, is_sound, is_hasty),
        _ => chaos(random, &input, web),
    };
    Case {
        program,
        input,
        rules,
        script,
        is_hasty,
        is_small: random.one_in(30),
        is_dry: random.one_in(25),
        validates: random.one_in(40),
    }
}

/// Generates a program that sends a message, or almost one, among other calls.
fn message(
    random: &mut Random,
    input: &Input,
    web: &str,
    is_sound: bool,
    is_hasty: bool,
) -> Program {
    let own = Handle { slot: random.below(CONTENTS), skips: !random.one_in(20) };
    let mut bytes = content(random, is_sound);
    let mut envelope = envelope(random, input, is_sound);
    let sizes = random.below(if is_sound { 64 } else { 16 });
    let mut writes: Vec<_> = pieces(random, &bytes);
    // A server that does not read blocks a client only if the message is larger than the buffers in between.
    let is_large = if is_hasty { !random.one_in(6) } else { random.one_in(150) };
    if is_large {
        for _ in 0..(if is_hasty { 6 } else { 1 }) {
            let count = if is_hasty { 16_384 } else { 1 + random.below(3000) };
            let count = u32::try_from(count).expect("it is small");
            writes.push(Chunk::Lines { octet: random.pick(b".xy"), count });
        }
        let tail = random.pick(BODY);
        let tail = pieces(random, tail.as_bytes());
        writes.extend(tail);
        bytes.clear();
        writes.iter().for_each(|chunk| chunk.append_to(&mut bytes));
    }
    envelope.size = match sizes {
        0..4 => Some(bytes.len() as u64),
        4 => Some(random.pick(&[0, 1, bytes.len() as u64 + 1, 900, 1 << 30, u64::MAX])),
        _ => None,
    };
    envelope.utf8_headers |= !bytes.is_ascii() && !random.one_in(4);
    let mut steps = Vec::new();
    let noise = |random: &mut Random, steps: &mut Vec<Step>, often: usize| {
        while random.below(often) == 0 {
            steps.push(other(random, input, web));
        }
    };
    noise(random, &mut steps, if is_sound { 16 } else { 4 });
    steps.push(Step::Begin { slot: own.slot, envelope });
    for chunk in writes {
        noise(random, &mut steps, 16);
        steps.push(Step::Write { to: own, chunk });
    }
    noise(random, &mut steps, 16);
    if !random.one_in(15) {
        steps.push(Step::Finish { of: own, forgets: !random.one_in(4) });
        if random.one_in(3) {
            steps.push(Step::PassOn);
        }
    }
    noise(random, &mut steps, 5);
    Program { steps, end: end(random, true) }
}

/// Generates a program of calls in any order.
fn chaos(random: &mut Random, input: &Input, web: &str) -> Program {
    let mut steps = Vec::new();
    for _ in 0..=random.below(NOISE) {
        steps.push(match random.below(12) {
            0..3 => {
                let slot = random.below(CONTENTS);
                Step::Begin { slot, envelope: envelope(random, input, false) }
            }
            3 => Step::Finish { of: handle(random, 0), forgets: random.one_in(2) },
            4 => Step::DropOutgoing { of: handle(random, 0), forgets: random.one_in(2) },
            5 if random.one_in(4) => {
                let words = (0..16).map(|_| u32::try_from(random.next() >> 44).expect("20 bits"));
                Step::BeginNonsense { slot: 0, words: words.collect() }
            }
            6 if random.one_in(6) => Step::WriteNowhere { to: handle(random, 0) },
            7 => Step::PassOn,
            _ => other(random, input, web),
        });
    }
    Program { steps, end: end(random, false) }
}

/// Generates a call that is not part of a message, or only by mistake.
fn other(random: &mut Random, input: &Input, web: &str) -> Step {
    let slot = CONTENTS + random.below(NUMBERS - CONTENTS);
    match random.below(14) {
        0 | 1 => {
            let own: Vec<_> =
                input.uploads.iter().map(String::as_str).chain(UPLOADS.iter().copied()).collect();
            Step::OpenUpload { slot, id: random.pick(&own).to_owned() }
        }
        // A request takes longer than any other call.
        2 if random.one_in(3) => {
            let own: Vec<_> =
                input.paths.iter().map(String::as_str).chain(PATHS.iter().copied()).collect();
            Step::Fetch { slot, url: format!("{web}{}", random.pick(&own)) }
        }
        3 | 4 => {
            let most = random.pick(&[0, 1, 7, 4096, 1 << 20, u32::MAX]);
            Step::Read { of: handle(random, CONTENTS), most }
        }
        5 => Step::Metadata { of: handle(random, CONTENTS) },
        6 => Step::DropContent { of: handle(random, CONTENTS), forgets: !random.one_in(3) },
        7 => Step::Account,
        8 => Step::Invocation,
        9 if random.one_in(4) => {
            let slot = random.below(CONTENTS);
            Step::Begin { slot, envelope: envelope(random, input, false) }
        }
        10 if random.one_in(4) => Step::Write { to: handle(random, 0), chunk: piece(random) },
        11 if random.one_in(4) => {
            Step::Finish { of: handle(random, 0), forgets: !random.one_in(4) }
        }
        12 if random.one_in(4) => {
            Step::DropOutgoing { of: handle(random, 0), forgets: !random.one_in(4) }
        }
        _ => Step::Account,
    }
}

/// Returns a handle, usually of the kind whose slots begin at `first`.
fn handle(random: &mut Random, first: usize) -> Handle {
    match random.below(40) {
        0 => Handle { slot: random.below(SLOTS.len()), skips: false },
        1 => Handle { slot: first + random.below(CONTENTS), skips: false },
        _ => Handle { slot: first + random.below(CONTENTS), skips: true },
    }
}

fn piece(random: &mut Random) -> Chunk {
    let table = random.pick(&[BODY, BAD_BODY, HEADERS, BAD_HEADERS]);
    Chunk::Bytes(random.pick(table).into())
}

fn end(random: &mut Random, is_likely_sent: bool) -> End {
    let number = |random: &mut Random, end| u32::try_from(random.below(end)).expect("it is small");
    let status = match random.below(10) {
        0 => "partial",
        1 => "fine",
        2 | 3 => "dry-run",
        _ if is_likely_sent => "sent",
        _ => "dry-run",
    };
    match random.below(16) {
        0 | 1 => End::Failure {
            phase: number(random, 16),
            retry: number(random, 3),
            delivered: number(random, 2),
        },
        2 => End::Invalid,
        3 if random.one_in(3) => End::Nonsense,
        4 => End::Trap,
        5 => End::Result("nothing that is JSON".to_owned()),
        _ => End::Result(json!({ "status": status, "accepted": ["eve@evil.test"] }).to_string()),
    }
}
