//! The delivery of a message, from its envelope to the final reply, in one or more transactions.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::time::Duration;

use tempfile::SpooledTempFile;

use super::content::{Content, Sent};
use super::transaction::{Again, BeginError, Transaction};
use crate::BoxFuture;
use crate::address::ForwardPath;
use crate::failure::{Delivered, Failure, FailureCode, Phase, Refusal};
use crate::issue::Issue;
use crate::pool::Lease;
use crate::waited::Waited;
use crate::{Envelope, Outgoing, Receipt};

/// A message that is being sent.
pub(crate) struct Delivery {
    envelope: Envelope,
    content: Content,
    /// A copy of the content, if there are recipients for a further transaction. On disk, the file has no name and ends
    /// with the process.
    copy: Option<SpooledTempFile>,
    /// Warnings about requested features that are not used.
    warnings: Vec<Issue>,
}

/// The largest copy that stays in memory.
const IN_MEMORY: usize = 1024 * 1024;
/// The size of the blocks in which a copy is read.
const BLOCK: usize = 64 * 1024;

impl Delivery {
    /// Sends the envelope. `lost` is the time after which pipelined commands were lost before: then this sends the
    /// commands one by one.
    pub(crate) async fn begin(
        mut lease: Lease,
        envelope: Envelope,
        lost: Option<Duration>,
    ) -> Result<Self, Box<DeliveryError>> {
        if lost.is_some() || !lease.server.pipelining || lease.loses_pipelined() {
            lease.extensions.pipelining = false;
        }
        let mut warnings = Vec::new();
        if envelope.notification.is_some() && !lease.extensions.dsn {
            warnings.push(no_reports());
        }
        match Transaction::begin(lease, &envelope).await {
            Ok(transaction) => {
                if let Some(waited) = lost {
                    transaction.lease.note_loses_pipelined();
                    warnings.push(lost_pipelined(waited));
                }
                let content = Content::new(transaction);
                let copied = !content.postponed().is_empty();
                let copy = copied.then(|| SpooledTempFile::new(IN_MEMORY));
                Ok(Self { envelope, content, copy, warnings })
            }
            Err(BeginError { failure, again }) => {
                Err(Box::new(DeliveryError { failure, envelope, again }))
            }
        }
    }

    async fn deliver(self) -> Result<Receipt, Failure> {
        let mut sent = self.content.finish().await?;
        let queue_id = sent.queue_id;
        let mut rest = std::mem::take(&mut sent.postponed);
        let receipt = Receipt::new(sent.reply, sent.accepted);
        let mut receipt = receipt.refused(sent.refused).queue_id(queue_id);
        let Some(mut copy) = self.copy else {
            sent.lease.settle().await;
            return Ok(receipt);
        };
        let mut lease = sent.lease;
        // Each successful transaction serves at least one of the remaining recipients, so the loop ends.
        loop {
            if lease.has_unsolicited_data() || !lease.stream.is_silent() {
                // The server sent extra replies. The next commands would get the wrong replies.
                receipt.refused.extend(rest);
                return Ok(receipt);
            }
            let recipients = rest.iter().map(|refusal| refusal.recipient.clone()).collect();
            let envelope = Envelope { recipients, ..self.envelope.clone() };
            match Box::pin(again(lease, &envelope, &mut copy)).await {
                Ok(sent) => {
                    receipt.accepted.extend(sent.accepted);
                    receipt.refused.extend(sent.refused);
                    lease = sent.lease;
                    rest = sent.postponed;
                }
                Err(failure) if failure.delivered == Delivered::Unknown => {
                    return Err(in_part(failure, &receipt.accepted));
                }
                Err(failure) => {
                    receipt.refused.extend(refusals(failure, rest));
                    return Ok(receipt);
                }
            }
            if rest.is_empty() {
                lease.settle().await;
                return Ok(receipt);
            }
        }
    }
}

impl Outgoing for Delivery {
    fn write(
        self: Box<Self>,
        chunk: Vec<u8>,
    ) -> BoxFuture<'static, Result<Box<dyn Outgoing>, Failure>> {
        Box::pin(async move {
            let Self { envelope, content, mut copy, warnings } = *self;
            if let Some(copy) = &mut copy {
                // Writing to a temporary file is as fast as memory and does not wait for the disk.
                copy.write_all(&chunk).map_err(|reason| no_copy(&reason))?;
            }
            let content = content.write(&chunk).await?;
            Ok(Box::new(Self { envelope, content, copy, warnings }) as Box<dyn Outgoing>)
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Receipt, Failure>> {
        Box::pin(self.deliver())
    }

    fn warnings(&self) -> Vec<Issue> {
        self.warnings.clone()
    }
}

fn no_reports() -> Issue {
    let message = "the server does not offer delivery reports (DSN), so the message was sent without requesting them";
    warning("dsn", "not-offered", message.to_owned())
}

fn lost_pipelined(waited: Duration) -> Issue {
    let message = format!(
        "the server offers PIPELINING but lost pipelined commands: after {}, the commands were sent one by one; \
         set the account's pipelining to false",
        Waited(waited)
    );
    warning("$", "pipelining-lost", message)
}

fn warning(path: &str, code: &str, message: String) -> Issue {
    Issue { path: path.to_owned(), code: code.to_owned(), message }
}

/// The failure of a message before its content was sent.
pub(crate) struct DeliveryError {
    pub(crate) failure: Failure,
    pub(crate) envelope: Envelope,
    /// The reason why the message may be tried again on another connection, if it may.
    pub(crate) again: Option<Again>,
}

/// Sends the copy in a further transaction.
async fn again(
    lease: Lease,
    envelope: &Envelope,
    copy: &mut SpooledTempFile,
) -> Result<Sent, Failure> {
    let transaction = Transaction::begin(lease, envelope).await;
    let mut content = Content::new(transaction.map_err(|error| error.failure)?);
    copy.seek(SeekFrom::Start(0)).map_err(|reason| no_copy(&reason))?;
    let mut block = vec![0; BLOCK];
    loop {
        let length = copy.read(&mut block).map_err(|reason| no_copy(&reason))?;
        if length == 0 {
            return content.finish().await;
        }
        content = content.write(&block[..length]).await?;
    }
}

/// Returns the refusals for the recipients of a failed further transaction. If the server did not reply, its earlier
/// replies to these recipients remain.
fn refusals(failure: Failure, rest: Vec<Refusal>) -> Vec<Refusal> {
    if !failure.refusals.is_empty() {
        return failure.refusals;
    }
    let refused = |refusal: Refusal| Refusal {
        reply: failure.reply.clone().unwrap_or(refusal.reply),
        retry: failure.retry,
        ..refusal
    };
    rest.into_iter().map(refused).collect()
}

/// Adds the recipients of the first transactions, which have the message, to a failure with unknown delivery.
fn in_part(failure: Failure, accepted: &[ForwardPath]) -> Failure {
    let accepted: Vec<_> = accepted.iter().map(ForwardPath::as_str).collect();
    let message = format!("{}; it was sent to {}", failure.message, accepted.join(", "));
    Failure { message, ..failure }
}

fn no_copy(reason: &std::io::Error) -> Failure {
    let message =
        format!("could not keep a copy of the message for a second transaction: {reason}");
    Failure::new(FailureCode::Internal, Phase::Body, message)
        .hint("free some space in the temporary folder, or send to fewer recipients at once")
        .later()
}
