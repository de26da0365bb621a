//! A program as an image of the puppet's memory: the slots, instructions of four words each, and the data that they
//! point to.

use super::program::{Chunk, End, Envelope, Handle, Program, SLOTS, Step};

/// The address of the image. It may reach to the second page, where the host's data begins.
pub(crate) const IMAGE: usize = 4096;
const IMAGE_END: usize = 65_536;
/// The address where large chunks are made, behind the host's data.
const LARGE: usize = 2 << 20;

/// Flag bits of an instruction, besides its number.
pub(crate) const SKIPS: u32 = 0x100;
pub(crate) const FORGETS: u32 = 0x200;

/// Encodes a program for the puppet.
pub(crate) fn encode(program: &Program) -> String {
    let mut image = Image::default();
    for step in &program.steps {
        image.step(step);
    }
    image.end(&program.end);
    let slots = SLOTS.iter().flat_map(|word| word.to_le_bytes());
    // The data stands behind the instructions, so its address is known only now.
    let behind = IMAGE + 4 * SLOTS.len() + 16 * image.code.len();
    let code = image.code.iter().flat_map(|words| words.iter().map(|word| word.at(behind)));
    let mut bytes: Vec<u8> = slots.chain(code.flat_map(u32::to_le_bytes)).collect();
    for (at, word) in &image.pointers {
        image.data[*at..at + 4].copy_from_slice(&word.at(behind).to_le_bytes());
    }
    bytes.append(&mut image.data);
    assert!(IMAGE + bytes.len() <= IMAGE_END, "a program fits the puppet's first page");
    bytes.iter().flat_map(|byte| [b'a' + (byte >> 4), b'a' + (byte & 15)]).map(char::from).collect()
}

/// A word of an instruction.
#[derive(Clone, Copy)]
enum Word {
    Number(u32),
    /// An offset into the data.
    Data(usize),
}

#[derive(Default)]
struct Image {
    code: Vec<[Word; 4]>,
    data: Vec<u8>,
    /// The positions of words in the data that point to other data.
    pointers: Vec<(usize, Word)>,
}

impl Word {
    fn at(self, behind: usize) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Data(offset) => small(behind + offset),
        }
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("it is within the puppet's memory")
}

fn slot(slot: usize) -> Word {
    Word::Number(small(IMAGE + 4 * slot))
}

impl Image {
    fn push(&mut self, op: u32, words: [Word; 3]) {
        self.code.push([Word::Number(op), words[0], words[1], words[2]]);
    }

    fn call(&mut self, op: u32, handle: Handle, forgets: bool, words: [Word; 2]) {
        let op = op | if handle.skips { SKIPS } else { 0 } | if forgets { FORGETS } else { 0 };
        self.push(op, [slot(handle.slot), words[0], words[1]]);
    }

    fn bytes(&mut self, bytes: &[u8]) -> (Word, Word) {
        let at = self.data.len();
        self.data.extend_from_slice(bytes);
        self.data.resize(self.data.len().next_multiple_of(8), 0);
        (Word::Data(at), Word::Number(small(bytes.len())))
    }

    fn words(&mut self, words: &[Word]) -> Word {
        let at = self.data.len();
        for (index, word) in words.iter().enumerate() {
            self.data.extend_from_slice(&[0; 4]);
            self.pointers.push((at + 4 * index, *word));
        }
        self.data.resize(self.data.len().next_multiple_of(8), 0);
        Word::Data(at)
    }

    fn step(&mut self, step: &Step) {
        let zero = Word::Number(0);
        match step {
            Step::Begin { slot: into, envelope } => {
                let words = self.envelope(envelope);
                self.push(1, [words, slot(*into), zero]);
            }
            Step::BeginNonsense { slot: into, words } => {
                let words: Vec<_> = words.iter().map(|&word| Word::Number(word)).collect();
                let words = self.words(&words);
                self.push(1, [words, slot(*into), zero]);
            }
            Step::Write { to, chunk: Chunk::Bytes(bytes) } => {
                let (at, length) = self.bytes(bytes);
                self.call(16, *to, false, [at, length]);
            }
            Step::Write { to, chunk: Chunk::Lines { octet, count } } => {
                let large = Word::Number(small(LARGE));
                self.push(8, [large, Word::Number((*octet).into()), Word::Number(*count)]);
                self.call(16, *to, false, [large, Word::Number(64 * count)]);
            }
            Step::WriteNowhere { to } => {
                self.call(16, *to, false, [Word::Number(u32::MAX - 4), Word::Number(400)]);
            }
            Step::Finish { of, forgets } => self.call(17, *of, *forgets, [zero; 2]),
            Step::DropOutgoing { of, forgets } => self.call(18, *of, *forgets, [zero; 2]),
            Step::OpenUpload { slot: into, id } => {
                let (at, length) = self.bytes(id.as_bytes());
                self.push(2, [at, length, slot(*into)]);
            }
            Step::Fetch { slot: into, url } => {
                let (at, length) = self.bytes(url.as_bytes());
                self.push(3, [at, length, slot(*into)]);
            }
            Step::Read { of, most } => self.call(19, *of, false, [Word::Number(*most), zero]),
            Step::Metadata { of } => self.call(20, *of, false, [zero; 2]),
            Step::DropContent { of, forgets } => self.call(21, *of, *forgets, [zero; 2]),
            Step::Account => self.push(4, [zero; 3]),
            Step::Invocation => self.push(5, [zero; 3]),
            Step::PassOn => self.push(6, [zero; 3]),
        }
    }

    /// Adds the arguments of `begin` in their order, with the size as two words.
    fn envelope(&mut self, envelope: &Envelope) -> Word {
        let (sender, sender_length) = self.bytes(envelope.sender.as_bytes());
        let list: Vec<_> = envelope
            .recipients
            .iter()
            .map(|recipient| self.bytes(recipient.as_bytes()))
            .flat_map(|(at, length)| [at, length])
            .collect();
        let list = self.words(&list);
        let number = |number: bool| Word::Number(number.into());
        let size = envelope.size.unwrap_or(0).to_le_bytes();
        let half = |from: usize| {
            u32::from_le_bytes([size[from], size[from + 1], size[from + 2], size[from + 3]])
        };
        let (notify, report, id) = envelope.notification.clone().unwrap_or_default();
        let (id_at, id_length) = self.bytes(id.as_deref().unwrap_or_default().as_bytes());
        self.words(&[
            sender,
            sender_length,
            list,
            Word::Number(small(envelope.recipients.len())),
            number(envelope.allow_partial),
            number(envelope.utf8_headers),
            number(envelope.size.is_some()),
            Word::Number(half(0)),
            Word::Number(half(4)),
            number(envelope.notification.is_some()),
            Word::Number(notify),
            number(report.is_some()),
            Word::Number(report.unwrap_or(0)),
            number(id.is_some()),
            id_at,
            id_length,
        ])
    }

    fn end(&mut self, end: &End) {
        let zero = Word::Number(0);
        let one = Word::Number(1);
        let words = match end {
            End::Result(json) => {
                let (at, length) = self.bytes(json.as_bytes());
                vec![zero, at, length]
            }
            End::Failure { phase, retry, delivered } => {
                let (code, code_length) = self.bytes(b"connect");
                let (message, message_length) = self.bytes(b"it is not what it was");
                let bytes = phase | retry << 8 | delivered << 16;
                let mut words = vec![one, one, code, code_length, message, message_length];
                // No hint; phase, retry and delivered; no reply, no refusals, no Message-ID.
                words.extend([zero, zero, zero, Word::Number(bytes)]);
                words.extend([zero; 12]);
                words
            }
            End::Invalid => vec![one, zero, zero, zero],
            End::Nonsense => vec![zero, Word::Number(u32::MAX - 9), Word::Number(77)],
            End::Trap => return self.push(7, [zero; 3]),
        };
        let at = self.words(&words);
        self.push(0, [at, zero, zero]);
    }
}
