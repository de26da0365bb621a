//! The `attachments` import: files that are not part of the input.

use std::sync::LazyLock;

use wasmtime::component::Resource;

use super::View;
use super::bindings::connectors::smtp::attachments::{
    AttachmentError, Host, HostContent, Metadata,
};
use crate::accounts::{Account, Policy};
use crate::attachments::{Content, FetchRequest, Source, SourceError, fetch};
use crate::services::{Run, Sources};

/// The name of an attachment in the error of a run that is out of time.
const FILE: &str = "an attachment";

type Answer<T> = wasmtime::Result<Result<T, AttachmentError>>;

impl Host for View<'_> {
    async fn open_upload(&mut self, id: String) -> Answer<Resource<Content>> {
        self.count_call()?;
        let opened = match self.run.admit(|named| named.has_upload(&id)).await {
            Ok(sources) => open(self.run, sources, Source::Upload(id)).await,
            Err(error) => Err(error),
        };
        self.keep(opened)
    }

    async fn fetch(&mut self, url: String) -> Answer<Resource<Content>> {
        self.count_call()?;
        let opened = match self.run.admit(|named| named.has_url(&url)).await {
            Ok(sources) => open(self.run, sources, Source::Url(url)).await,
            Err(error) => Err(error),
        };
        self.keep(opened)
    }
}

/// Opens a source that the run may open, and records it if the run captures attachments.
async fn open(run: &Run, sources: &Sources, source: Source) -> Result<Content, SourceError> {
    if let Some(captured) = &sources.captured {
        return captured.open(&source);
    }
    let account = run.account.as_deref();
    let limit = account.map(|account| account.limits.clone()).unwrap_or_default().message_bytes;
    let opened = async {
        let opened = match &source {
            Source::Upload(id) => sources.uploads.open(id).await?,
            Source::Url(url) => fetch(url, &request(run, sources, limit)).await?,
        };
        match &sources.recorder {
            Some(recorder) => recorder.record(source, opened, limit).await,
            None => Ok(opened),
        }
    };
    run.delivery.waiting_for(FILE, opened).await
}

fn request<'r>(run: &'r Run, sources: &'r Sources, limit: u64) -> FetchRequest<'r> {
    let account = run.account.as_deref();
    FetchRequest {
        network: sources.network.as_ref(),
        denied: &sources.denied,
        account: account.map(Account::name),
        proxy: account.and_then(|account| account.server().proxy()),
        hosts: &sources.hosts,
        policy: account.map_or(&NO_POLICY, |account| &account.policy),
        limit,
        time: run.limits.attachment_time,
    }
}

/// The policy of a run without an account.
static NO_POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);

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
