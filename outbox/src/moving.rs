//! Moves an outbox from a file into PostgreSQL.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::outbox::Outbox;
use crate::run::RunId;
use crate::store::moving::{Progress, Receiver, Source, StoredRun};
use crate::store::{StoredInput, Texts};

/// The numbers of a move: see [`Outbox::move_to`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// The database that the outbox moved to, with its server: `shop on db.example.com:5432`.
    pub to: String,
    /// Whether an earlier move had moved everything.
    pub was_done: bool,
    /// Runs that this move stored. Those that an interrupted move had stored do not count.
    pub runs: u64,
    /// Events that this move stored.
    pub events: u64,
    /// Accounts whose pauses and counts were moved.
    pub accounts: u64,
    /// Runs whose keys belong to other mails in the new outbox. They have no key there. Those that waited are held:
    /// release or cancel them.
    pub without_key: Vec<RunId>,
}

/// The runs or events that are moved in one transaction.
const PAGE: usize = 100;
/// The bytes of inputs after which a transaction ends early: inputs must fit into memory.
const BYTES: usize = 8 << 20;

impl Outbox {
    /// Moves everything from an outbox in a file to one in PostgreSQL: runs with their inputs, keys and results, events,
    /// pauses and the counts of limits. The file is closed first: no process can queue or send a mail with it any more.
    /// It can still be read.
    ///
    /// A move that was interrupted is repeated, and goes on. Workers may use the new outbox meanwhile. Events keep their
    /// numbers if the new outbox had none.
    ///
    /// ```no_run
    /// # async fn example() -> smtp_connector_outbox::Result<()> {
    /// use smtp_connector_outbox::Outbox;
    ///
    /// let old = Outbox::open("outbox.db").await?;
    /// let new = Outbox::connect("postgres://worker@db.example.com/shop").await?;
    /// let moved = old.move_to(&new).await?;
    /// println!("{} mails are in {}", moved.runs, moved.to);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if workers still use the file, if it was moved elsewhere before, or if this outbox is not in a
    /// file or the other one is not in PostgreSQL. Then nothing is changed. Also if one of the two cannot be used: then
    /// repeat the move.
    pub async fn move_to(&self, to: &Self) -> Result<Moved> {
        let (Some(source), Some(receiver)) = (self.store.as_source(), to.store.as_receiver())
        else {
            let message = "an outbox can be moved only from a file to PostgreSQL";
            return Err(Error::new(ErrorKind::Invalid, message).hint_of(
                "open the old one with Outbox::open, and the new one with Outbox::connect",
            ));
        };
        let destination = receiver.destination().await?;
        let moved = Moved { to: destination.name.clone(), ..Moved::default() };
        let progress = source.close(destination).await?;
        if progress.is_finished {
            return Ok(Moved { was_done: true, ..moved });
        }
        let mut moving = Moving { from: self, source, receiver, progress, moved };
        // Before the runs: their new events come after the old ones, and workers keep the accounts' limits at once.
        moving.events().await?;
        moving.accounts().await?;
        moving.runs().await?;
        moving.progress.is_finished = true;
        source.advance(moving.progress).await?;
        Ok(moving.moved)
    }
}

struct Moving<'o> {
    from: &'o Outbox,
    source: &'o dyn Source,
    receiver: &'o dyn Receiver,
    progress: Progress,
    moved: Moved,
}

impl Moving<'_> {
    async fn events(&mut self) -> Result<()> {
        let with_numbers = match self.progress.keeps_numbers {
            Some(keeps) => keeps,
            None => {
                let latest = self.from.store.latest_event().await?;
                let keeps = self.receiver.reserve_events(latest).await?;
                self.progress.keeps_numbers = Some(keeps);
                self.source.advance(self.progress).await?;
                keeps
            }
        };
        loop {
            let page = self.from.store.events(self.progress.event, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.progress.event = last.id;
            self.moved.events += self.receiver.receive_events(page, with_numbers).await?;
            self.source.advance(self.progress).await?;
        }
    }

    async fn accounts(&mut self) -> Result<()> {
        let accounts = self.source.accounts().await?;
        self.moved.accounts = accounts.len() as u64;
        self.receiver.receive_accounts(accounts).await
    }

    async fn runs(&mut self) -> Result<()> {
        loop {
            let page = self.source.runs(self.progress.run, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            let mut part = Vec::new();
            let mut bytes = 0;
            for (run, input) in page {
                let texts = read(&run, input).await?;
                bytes += texts.as_ref().map_or(0, Texts::bytes);
                part.push((run, texts));
                if bytes > BYTES {
                    self.hand_over(std::mem::take(&mut part)).await?;
                    bytes = 0;
                }
            }
            self.hand_over(part).await?;
        }
    }

    /// Stores runs in the new outbox, and then how far the move is.
    async fn hand_over(&mut self, runs: Vec<(StoredRun, Option<Texts>)>) -> Result<()> {
        let Some((last, _)) = runs.last() else { return Ok(()) };
        self.progress.run = last.number;
        let received = self.receiver.receive_runs(runs).await?;
        self.moved.runs += received.new;
        self.moved.without_key.extend(received.without_key);
        self.source.advance(self.progress).await
    }
}

async fn read(run: &StoredRun, input: Option<StoredInput>) -> Result<Option<Texts>> {
    let Some(input) = input else { return Ok(None) };
    match input.read().await {
        Ok(texts) => Ok(Some(texts)),
        Err(error) => {
            let hint = error.hint().unwrap_or_default().to_owned();
            let message = format!("run {} could not be moved: {error}", run.id);
            Err(Error::new(error.kind(), message).hint_of(hint).caused_by(error))
        }
    }
}
