//! The store in a PostgreSQL database, for workers on many machines.

mod address;
mod bell;
mod claims;
mod database;
mod enqueue;
mod fault;
#[cfg_attr(
    not(all(feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "a move needs both stores")
)]
mod moving;
mod owners;
mod queries;
mod rows;
mod schema;
mod settle;
#[cfg(test)]
mod tests;
mod upkeep;
mod webhooks;

use std::time::Duration;

use smtp_connector_smtp::BoxFuture;

use super::{
    Change, ClaimId, Claimed, NewRun, Owner, OwnerId, Posted, Pruned, Recovered, Reports,
    Retention, Settlement, Share, Store, StoredInput, StoredWebhook, TakenWebhook, WebhookClaim,
};
use crate::error::Result;
use crate::event::Event;
use crate::run::{Counts, Filter, PausedAccount, Run, RunId, RunState, Ticket};
use crate::store::moving::Receiver;
use crate::store::unsure::Unsure;
use address::Address;
use bell::Bell;
use claims::Taker;
use database::Database;
pub use schema::Migrated;

/// A store in a PostgreSQL database.
#[derive(Debug)]
pub(crate) struct PostgresStore {
    database: Database,
    bell: Bell,
    lease: Lease,
    unsure: Unsure,
}

/// How long a worker may be silent until its runs are recovered. It renews its lease three times in this time.
#[derive(Clone, Copy, Debug)]
struct Lease(Duration);

impl Default for Lease {
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

impl PostgresStore {
    /// Connects to the database at a URL, whose schema must be there.
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let database = database(url)?;
        let what = "the outbox cannot be opened";
        database.run(what, |session| Box::pin(schema::check(session))).await?;
        let bell = Bell::start(database.clone());
        Ok(Self { database, bell, lease: Lease::default(), unsure: Unsure::default() })
    }

    /// Makes or upgrades the schema of the database at a URL.
    pub(crate) async fn migrate(url: &str) -> Result<Migrated> {
        let what = "the outbox could not be migrated";
        database(url)?.run(what, |session| Box::pin(schema::migrate(session))).await
    }
}

fn database(url: &str) -> Result<Database> {
    let password = std::env::var("PGPASSWORD").ok();
    Database::new(Address::parse(url, password.as_deref())?)
}

impl Store for PostgresStore {
    fn enqueue(&self, run: NewRun) -> BoxFuture<'_, Result<Ticket>> {
        Box::pin(async move {
            enqueue::check(&run)?;
            let others = [&run.keywords, &run.captured].into_iter().flatten();
            let bytes = run.input.len() + others.map(String::len).sum::<usize>();
            let what = "the mail was not accepted";
            let ticket = self
                .database
                .run_with(bytes, what, |session| Box::pin(enqueue::enqueue(session, run)))
                .await?;
            if ticket.is_new {
                self.bell.ring();
            }
            Ok(ticket)
        })
    }

    fn run(&self, id: RunId) -> BoxFuture<'_, Result<Option<Run>>> {
        self.database.run("the run could not be read", move |session| {
            Box::pin(async move { queries::run(session, &id).await })
        })
    }

    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<Run>>> {
        self.database.run("the runs could not be listed", move |session| {
            Box::pin(async move { queries::list(session, &filter).await })
        })
    }

    fn counts(&self) -> BoxFuture<'_, Result<Counts>> {
        self.database.run("the runs could not be counted", |session| {
            Box::pin(async move { queries::counts(session).await })
        })
    }

    fn input(&self, id: RunId) -> BoxFuture<'_, Result<Option<StoredInput>>> {
        self.database.run("the input could not be read", move |session| {
            Box::pin(async move { queries::input(session, &id).await })
        })
    }

    fn change(&self, id: RunId, change: Change) -> BoxFuture<'_, Result<Option<RunState>>> {
        Box::pin(async move {
            let what = "the run could not be changed";
            let before = self
                .database
                .run(what, move |session| Box::pin(upkeep::change(session, id, change)))
                .await?;
            self.bell.ring();
            Ok(before)
        })
    }

    fn register(&self) -> BoxFuture<'_, Result<Owner>> {
        Box::pin(owners::register(&self.database, self.lease))
    }

    fn due_accounts(&self, after: String, most: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        self.database.run("the runs that are due could not be read", move |session| {
            Box::pin(async move { claims::due_accounts(session, &after, most).await })
        })
    }

    fn claim<'a>(
        &'a self,
        owner: &'a Owner,
        shares: Vec<Share>,
    ) -> BoxFuture<'a, Result<Vec<Claimed>>> {
        Box::pin(async move {
            let under_way = self.unsure.begin(&owner.id);
            let taker = Taker {
                owner: owner.id.clone(),
                lease: self.lease,
                claim: under_way.claim,
                unsure: self.unsure.of(&owner.id),
            };
            let (what, database) =
                ("runs could not be taken from the outbox", self.database.clone());
            let claimed = self
                .database
                .run(what, move |session| Box::pin(claims::claim(session, database, taker, shares)))
                .await?;
            under_way.answered();
            Ok(claimed)
        })
    }

    fn mark(&self, owner: OwnerId, claim: ClaimId) -> BoxFuture<'static, Result<bool>> {
        let what = "the mark before the message's end could not be written";
        self.database.run(what, move |session| {
            Box::pin(async move { settle::mark(session, &owner, claim).await })
        })
    }

    fn settle<'a>(
        &'a self,
        owner: &'a Owner,
        settlement: Settlement,
    ) -> BoxFuture<'a, Result<bool>> {
        let owner = owner.id.clone();
        self.database.run("the result could not be written to the outbox", move |session| {
            Box::pin(settle::settle(session, owner, settlement))
        })
    }

    fn give_back<'a>(
        &'a self,
        owner: &'a Owner,
        claims: Vec<ClaimId>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let id = owner.id.clone();
            let what = "runs could not be given back to the outbox";
            self.database
                .run(what, move |session| {
                    Box::pin(async move { settle::give_back(session, &id, &claims).await })
                })
                .await?;
            self.bell.ring();
            Ok(())
        })
    }

    fn recover<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Recovered>> {
        Box::pin(async move {
            let id = owner.id.clone();
            let what = "the runs of dead workers could not be recovered";
            let recovered = self
                .database
                .run(what, move |session| Box::pin(upkeep::recover(session, id)))
                .await?;
            if recovered.ready > 0 {
                self.bell.ring();
            }
            Ok(recovered)
        })
    }

    fn expiring_accounts(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        let what = "expired runs could not be looked for";
        self.database.run(what, |session| Box::pin(upkeep::expiring_accounts(session)))
    }

    fn expire(&self, account: String, reports: Option<Reports>) -> BoxFuture<'_, Result<usize>> {
        let what = "expired runs could not be ended";
        self.database.run(what, |session| {
            Box::pin(async move { upkeep::expire(session, &account, reports.as_ref()).await })
        })
    }

    fn paused_accounts(&self) -> BoxFuture<'_, Result<Vec<PausedAccount>>> {
        self.database.run("the paused accounts could not be read", |session| {
            Box::pin(async move { queries::paused_accounts(session).await })
        })
    }

    fn resume(&self, account: String) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let what = "the account could not be resumed";
            let resumed = self
                .database
                .run(what, move |session| {
                    Box::pin(async move { settle::resume(session, &account).await })
                })
                .await?;
            self.bell.ring();
            Ok(resumed)
        })
    }

    fn events(&self, after: i64, most: usize) -> BoxFuture<'_, Result<Vec<Event>>> {
        self.database.run("the events could not be read", move |session| {
            Box::pin(queries::events(session, after, most))
        })
    }

    fn latest_event(&self) -> BoxFuture<'_, Result<i64>> {
        let what = "the events could not be read";
        self.database.run(what, |session| Box::pin(queries::latest_event(session)))
    }

    fn prune(&self, retention: Retention) -> BoxFuture<'_, Result<Pruned>> {
        self.database.run("ended runs could not be deleted", move |session| {
            Box::pin(upkeep::prune(session, retention))
        })
    }

    fn take_webhook<'a>(
        &'a self,
        owner: &'a Owner,
        claim: WebhookClaim,
    ) -> BoxFuture<'a, Result<Option<TakenWebhook>>> {
        let owner = owner.id.clone();
        self.database.run("the webhook could not be taken", move |session| {
            Box::pin(webhooks::take(session, owner, claim))
        })
    }

    fn settle_webhook<'a>(
        &'a self,
        owner: &'a Owner,
        claim: WebhookClaim,
        posted: Posted,
    ) -> BoxFuture<'a, Result<bool>> {
        let owner = owner.id.clone();
        let what = "the outcome of a post to a webhook could not be written";
        self.database.run(what, move |session| {
            Box::pin(async move { webhooks::settle(session, &owner, &claim, &posted).await })
        })
    }

    fn webhooks(&self) -> BoxFuture<'_, Result<Vec<StoredWebhook>>> {
        self.database.run("the webhooks could not be read", |session| {
            Box::pin(async move { webhooks::all(session).await })
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<()>> {
        self.database.run("the outbox cannot be used", |session| Box::pin(schema::check(session)))
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.bell.changed())
    }

    fn as_receiver(&self) -> Option<&dyn Receiver> {
        Some(self)
    }
}
