//! The component in its sandbox, on a host whose transport discards messages.

use std::sync::Arc;

use smtp_connector_host::accounts::{Account, AccountLimits, AccountsInMemory, BoxFuture};
use smtp_connector_host::attachments::{MemoryUploads, Metadata};
use smtp_connector_host::transport::{Envelope, Outgoing, Receipt, Transport};
use smtp_connector_host::{Connector, Failure, ForwardPath, Host, HostBuilder, Reply, ReplyCode};

/// A transport that accepts everything and sends nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

struct Taken(Vec<ForwardPath>);

impl Transport for Nowhere {
    fn begin<'a>(
        &'a self,
        _account: &'a Arc<Account>,
        envelope: Envelope,
    ) -> BoxFuture<'a, Result<Box<dyn Outgoing>, Failure>> {
        Box::pin(async move { Ok(Box::new(Taken(envelope.recipients)) as Box<dyn Outgoing>) })
    }
}

impl Outgoing for Taken {
    fn write(
        self: Box<Self>,
        chunk: Vec<u8>,
    ) -> BoxFuture<'static, Result<Box<dyn Outgoing>, Failure>> {
        std::hint::black_box(chunk);
        Box::pin(std::future::ready(Ok(self as Box<dyn Outgoing>)))
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Receipt, Failure>> {
        let receipt = Receipt::new(Reply::new(ReplyCode::OK, "Ok"), self.0);
        Box::pin(std::future::ready(Ok(receipt)))
    }
}

/// The cache of compiled components, kept between benchmarks.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/component-cache");

/// Returns a connector on a host with an upload of this size in octets. `settings` configures the host.
pub fn connector(upload: usize, settings: impl FnOnce(HostBuilder) -> HostBuilder) -> Connector {
    let limits = AccountLimits::default().message_bytes(1 << 30);
    let account = Account::builder("work", "mail.example.com").limits(limits).build();
    let account = account.expect("the account's settings are right");
    let uploads = MemoryUploads::new().with("file", Metadata::default(), vec![7; upload]);
    let builder = Host::builder()
        .accounts(AccountsInMemory::from_iter([account]))
        .uploads(uploads)
        .cache_directory(CACHE)
        .transport(Nowhere);
    let host = settings(builder).build().expect("the sandbox runs on this machine");
    Connector::builtin(&host).expect("the built-in component is one")
}
