//! A lane: one server with one client, which run sequences one after the other on the same pool.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtp_connector_host::accounts::{
    AccountLimits, Accounts, BoxFuture, Policy, Security, Timeouts,
};
use smtp_connector_host::attachments::AttachmentHosts;
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Account, Connector, Error, Host, Invocation};
use tokio::time::timeout;

use super::case::{Case, REDIRECT};
use super::generate::case;
use super::image::encode;
use super::invariants::{Seen, check};
use super::outcome::check_accepted_recipients;
use super::random::Random;
use super::server::Server;
use super::tally;
use super::web::{Asked, Web};

/// The number of sequences of one seed. They share a pool, so that each meets what the last one left behind.
pub(crate) const ROUND: usize = 8;
/// The cache of compiled components, kept between runs of the tests.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/components");
/// The timeout of a run. A normal run takes less than a tenth of it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Lane {
    server: Server,
    web: Web,
    uploads: Asked,
    transport: SmtpTransport,
    account: Book,
    connector: Connector,
}

/// An account store with the account of the next run.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<Option<Arc<Account>>>>);

impl Accounts for Book {
    fn account<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<Account>, Error>> {
        let account = self.0.lock().expect("no thread panics while holding it").clone();
        Box::pin(async move { Ok(account.unwrap_or_else(|| panic!("there is no account {name}"))) })
    }
}

impl Lane {
    pub(crate) async fn start(component: &[u8], is_pooled: bool) -> Self {
        let transport = SmtpTransport::new().danger_allow_private_hosts();
        let transport = if is_pooled { transport } else { transport.without_pool() };
        let (account, uploads) = (Book::default(), Asked::default());
        let host = Host::builder()
            .accounts(account.clone())
            .uploads(uploads.clone())
            .transport(transport.clone())
            .attachment_hosts(AttachmentHosts::danger_any())
            .cache_directory(CACHE)
            .build()
            .expect("the sandbox runs on this machine");
        let connector = Connector::from_bytes(&host, component).expect("it keeps the contract");
        let (server, web) = (Server::start().await, Web::start().await);
        Self { server, web, uploads, transport, account, connector }
    }

    /// Runs the sequences of a seed, and returns how each ended.
    pub(crate) async fn round(&self, seed: u64, shows: bool) -> Result<Vec<String>, String> {
        let mut random = Random::new(seed);
        let web = format!("http://127.0.0.1:{}", self.web.port);
        let mut ends = Vec::new();
        for number in 0..ROUND {
            let case = case(&mut random, &web);
            let seen = timeout(PATIENCE, self.run(&case)).await;
            let seen =
                seen.map_err(|_| format!("it hangs, or leaves a connection open: {case:#?}"))?;
            if shows {
                println!("sequence {number}: {case:#?}\n{}", tally::shown(&seen));
            }
            check(&case, &seen).map_err(|wrong| tally::report(number, &wrong, &case, &seen))?;
            let checked = check_accepted_recipients(&seen);
            checked.map_err(|wrong| tally::report(number, &wrong, &case, &seen))?;
            ends.extend(tally::ends(&case, &seen));
        }
        self.server.begin(super::script::Script::harmless());
        self.transport.close().await;
        let closed = timeout(PATIENCE, self.server.closed()).await;
        closed.map_err(|_| "a connection is open after the pool was closed".to_owned())?;
        Ok(ends)
    }

    async fn run(&self, case: &Case) -> Seen {
        *self.account.0.lock().expect("no thread panics while holding it") =
            Some(self.account(case));
        self.server.begin(case.script.clone());
        let invocation = Invocation::new(encode(&case.program), &*case.input.json).account("work");
        let invocation = match &case.input.keywords {
            Some(keywords) => invocation.keywords(&**keywords),
            None => invocation,
        };
        let invocation = if case.is_dry { invocation.dry_run() } else { invocation };
        let outcome = async {
            if case.validates {
                let found = self.connector.validate(invocation).await;
                return found.map(|_| r#"{"status": "dry-run"}"#.to_owned());
            }
            self.connector.invoke(invocation).await.map(|outcome| outcome.as_json().to_owned())
        };
        let outcome = tokio::select! {
            outcome = outcome => Some(outcome),
            () = self.server.abandoned() => None,
        };
        self.server.settle().await;
        Seen {
            outcome,
            records: self.server.records(),
            fetched: self.web.asked.take(),
            opened: self.uploads.take(),
        }
    }

    /// Returns the account of a run. The settings that its connections depend on are always the same.
    fn account(&self, case: &Case) -> Arc<Account> {
        let mut policy = Policy::default().attachment_url_hosts(vec![
            format!("127.0.0.1:{}", self.web.port).parse().expect("a host"),
        ]);
        if case.rules.senders {
            policy.allowed_senders.push("*@example.com".parse().expect("a rule"));
        }
        if case.rules.domains {
            policy.allowed_recipient_domains.push("example.net".parse().expect("a rule"));
        }
        if case.rules.redirects {
            policy.redirect_all_to = Some(REDIRECT.parse().expect("an address"));
        }
        let length = Duration::from_millis(10);
        let timeouts = match case.is_hasty {
            true => Timeouts::default().command(length).data(length).final_reply(length),
            false => Timeouts::default(),
        };
        let limits =
            AccountLimits::default().message_bytes(case.message_bytes()).messages_per_connection(5);
        let account = Account::builder("work", "127.0.0.1")
            .port(self.server.port)
            .security(Security::None)
            .ehlo_name("client.test")
            .policy(policy)
            .timeouts(timeouts)
            .limits(limits)
            .build();
        Arc::new(account.expect("the settings are right"))
    }
}
