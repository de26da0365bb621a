//! The `attachments` import: files that are not part of the input.

use wasmtime::component::Resource;

use super::View;
use super::bindings::connectors::smtp::attachments::{
    AttachmentError, Host, HostContent, Metadata,
};
use crate::accounts::{Account, Policy};
use crate::attachments::{Content, FetchRequest, SourceError, fetch};

/// The name of an attachment in the error of a run that is out of time.
const FILE: &str = "an attachment";

type Answer<T> = wasmtime::Result<Result<T, AttachmentError>>;

impl Host for View<'_> {
    async fn open_upload(&mut self, id: String) -> Answer<Resource<Content>> {
        self.count_call()?;
        let opened = match self.run.admit(|named| named.has_upload(&id)).await {
            Ok(sources) => {
                let opened = sources.uploads.open(&id);
                self.run.delivery.waiting_for(FILE, opened).await
            }
            Err(error) => Err(error),
        };
        self.keep(opened)
    }

    async fn fetch(&mut self, url: String) -> Answer<Resource<Content>> {
        self.count_call()?;
        let sources = match self.run.admit(|named| named.has_url(&url)).await {
            Ok(sources) => sources,
            Err(error) => return self.keep(Err(error)),
        };
        let account = self.run.account.as_deref();
        let nothing = Policy::default();
        let policy = account.map_or(&nothing, |account| &account.policy);
        let limits = account.map(|account| account.limits.clone()).unwrap_or_default();
        let request = FetchRequest {
            network: sources.network.as_ref(),
            denied: &sources.denied,
            account: account.map(Account::name),
            proxy: account.and_then(|account| account.server().proxy()),
            hosts: &sources.hosts,
            policy,
            limit: limits.message_bytes,
            time: self.run.limits.attachment_time,
        };
        let opened = self.run.delivery.waiting_for(FILE, fetch(&url, &request)).await;
        self.keep(opened)
    }
}

impl View<'_> {
    fn keep(&mut self, opened: Result<Content, SourceError>) -> Answer<Resource<Content>> {
        match opened {
            Ok(content) => Ok(Ok(self.table.push(content)?)),
            Err(error) => Ok(Err(self.tell(error))),
        }
    }
}

impl View<'_> {
    /// Converts an error for the component, and notes a temporary one.
    fn tell(&self, error: SourceError) -> AttachmentError {
        if matches!(error, SourceError::Unavailable(_)) {
            self.run.delivery.meet_something_temporary();
        }
        error.into()
    }
}

impl HostContent for View<'_> {
    async fn metadata(&mut self, this: Resource<Content>) -> wasmtime::Result<Metadata> {
        self.count_call()?;
        let metadata = self.table.get(&this)?.metadata();
        Ok(Metadata {
            filename: metadata.filename.clone(),
            media_type: metadata.media_type.clone(),
            size: metadata.size,
        })
    }

    async fn read(&mut self, this: Resource<Content>, max: u32) -> Answer<Vec<u8>> {
        self.count_call()?;
        let content = self.table.get_mut(&this)?;
        let chunk = self.run.delivery.waiting_for(FILE, content.read(max)).await;
        Ok(chunk.map_err(|error| self.tell(error)))
    }

    async fn drop(&mut self, this: Resource<Content>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl From<SourceError> for AttachmentError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::NotFound(text) => Self::NotFound(text),
            SourceError::Forbidden(text) => Self::Forbidden(text),
            SourceError::TooLarge(text) => Self::TooLarge(text),
            SourceError::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
