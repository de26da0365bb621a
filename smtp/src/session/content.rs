//! Sending a message's content, and the server's reply to it.

use memchr::memchr_iter;

use super::transaction::Transaction;
use crate::address::ForwardPath;
use crate::client::connection::Broken;
use crate::client::transcript::Entry;
use crate::client::verdict;
use crate::failure::{Delivered, Failure, Phase, Refusal, Retry};
use crate::pool::Lease;
use crate::reply::Reply;

/// The content of a message that is being sent.
pub(crate) struct Content {
    transaction: Transaction,
    /// Dot-stuffed bytes that are not sent yet.
    pending: Vec<u8>,
    /// Whether the last octet ended a line, so that a following dot must be doubled.
    at_line_start: bool,
    size: u64,
}

/// A message that the server accepted.
pub(crate) struct Sent {
    pub(crate) reply: Reply,
    /// The server's id for the message.
    pub(crate) queue_id: Option<String>,
    pub(crate) accepted: Vec<ForwardPath>,
    pub(crate) refused: Vec<Refusal>,
    /// Recipients for a further transaction, with the server's replies to them in this one.
    pub(crate) postponed: Vec<Refusal>,
    /// The connection, now between two messages.
    pub(crate) lease: Lease,
}

/// The number of bytes that are collected before they are sent. A small message and its end fit into one write. The
/// number is small in this crate's tests, so that even the smallest message has writes that can fail.
const BLOCK: usize = if cfg!(test) { 48 } else { 64 * 1024 };

impl Content {
    /// Starts the content of a transaction for which the server is ready.
    pub(crate) fn new(transaction: Transaction) -> Self {
        Self { transaction, pending: Vec::new(), at_line_start: true, size: 0 }
    }

    /// Returns the recipients for a further transaction.
    pub(crate) fn postponed(&self) -> &[Refusal] {
        &self.transaction.postponed
    }

    /// Sends the next bytes of the message.
    ///
    /// A failure consumes the content and its connection: part of a chunk may already be on the wire, so that later
    /// bytes would be dot-stuffed for the wrong position.
    pub(crate) async fn write(mut self, chunk: &[u8]) -> Result<Self, Failure> {
        self.size += chunk.len() as u64;
        // A chunk of any size uses one block of memory.
        for piece in chunk.chunks(BLOCK) {
            self.stuff(piece);
            if self.pending.len() >= BLOCK {
                let block = std::mem::take(&mut self.pending);
                self.send_block(&block).await?;
                self.pending = block;
                self.pending.clear();
            }
        }
        Ok(self)
    }

    /// Doubles each dot that starts a line (RFC 5321 section 4.5.2). Line ends are known to be CRLF. A dot after a lone
    /// CR or LF is doubled too, so that no reader can mistake it for the end of the message.
    fn stuff(&mut self, chunk: &[u8]) {
        self.pending.reserve(chunk.len() + 2);
        let mut from = 0;
        for at in memchr_iter(b'.', chunk) {
            let starts = match at {
                0 => self.at_line_start,
                _ => matches!(chunk[at - 1], b'\r' | b'\n'),
            };
            if starts {
                self.pending.extend_from_slice(&chunk[from..at]);
                self.pending.push(b'.');
                from = at;
            }
        }
        self.pending.extend_from_slice(&chunk[from..]);
        if let Some(last) = chunk.last() {
            self.at_line_start = matches!(last, b'\r' | b'\n');
        }
    }

    async fn send_block(&mut self, block: &[u8]) -> Result<(), Failure> {
        let deadline =
            self.transaction.lease.clock().stage(self.transaction.lease.server.timeouts.data);
        match self.transaction.lease.send(block, deadline).await {
            Ok(()) => Ok(()),
            Err(broken) => Err(self.broken_off(broken).await),
        }
    }

    /// Fails if the server replied or disconnected before the end of the message was sent. Such a reply, even a 250, is
    /// not an answer to that end, and the message is not delivered.
    async fn check_early_reply(&mut self) -> Result<(), Failure> {
        let lease = &mut self.transaction.lease;
        // Waiting in vain would take a millisecond, the clock's shortest time.
        if lease.is_surely_silent() {
            return Ok(());
        }
        match lease.reply(tokio::time::Instant::now()).await {
            Err(Broken::Timeout(_)) => Ok(()),
            Err(broken) => Err(lease.broken(Phase::Body, broken)),
            Ok(reply) => Err(verdict::of(lease, Phase::Body, &reply)),
        }
    }

    /// Returns the failure for a connection that broke before the message's end was sent: the message is not delivered.
    /// The server may have sent the reason before it closed the connection.
    async fn broken_off(&mut self, broken: Broken) -> Failure {
        if let Broken::Lost(_) = broken {
            let now = tokio::time::Instant::now();
            if let Ok(reply) = self.transaction.lease.reply(now).await {
                return verdict::of(&self.transaction.lease, Phase::Body, &reply);
            }
        }
        self.transaction.lease.broken(Phase::Body, broken)
    }

    /// Sends the end of the message, and waits for the server's final reply.
    pub(crate) async fn finish(mut self) -> Result<Sent, Failure> {
        self.check_early_reply().await?;
        self.pending.extend_from_slice(b".\r\n");
        let block = std::mem::take(&mut self.pending);
        // A failed write did not send the last octets, which are the end of the message.
        self.send_block(&block).await?;
        self.transaction.lease.note(|| Entry::Content(self.size));
        let deadline = self
            .transaction
            .lease
            .clock()
            .stage(self.transaction.lease.server.timeouts.final_reply);
        let reply = match self.transaction.lease.reply(deadline).await {
            Ok(reply) => reply,
            Err(broken) => return Err(self.delivery_unknown(broken)),
        };
        let lease = &self.transaction.lease;
        if reply.is_positive() {
            let queue_id = lease.queue_id(&reply);
            let reply = lease.shown(&reply);
            let Transaction { lease, accepted, refused, postponed } = self.transaction;
            return Ok(Sent { reply, queue_id, accepted, refused, postponed, lease });
        }
        let failure = verdict::of(lease, Phase::FinalReply, &reply);
        if !reply.is_transient() && !reply.is_permanent() {
            return Err(unknown(failure));
        }
        if matches!(reply.code.get(), 421 | 432) {
            lease.back_off();
        }
        if reply.code != 421 {
            self.transaction.lease.settle().await;
        }
        Err(failure)
    }

    fn delivery_unknown(&self, broken: Broken) -> Failure {
        unknown(self.transaction.lease.broken(Phase::FinalReply, broken))
    }
}

/// Marks a failure after the end of the message was sent: the delivery is unknown (RFC 1047), and only the user can
/// check it.
fn unknown(failure: Failure) -> Failure {
    let message = format!("it is unknown whether the message was sent: {failure}");
    let hint = "search for its Message-ID in the server's log or the recipient's mailbox before you send it again; \
                the same idempotencyKey gives the same Message-ID";
    Failure {
        message,
        hint: Some(hint.to_owned()),
        delivered: Delivered::Unknown,
        retry: Retry::Never,
        ..failure
    }
}
