//! The four imports.

use std::fs::File;
use std::io::Read as _;

use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{Result, StoreLimits, StoreLimitsBuilder, bail};

use self::connectors::smtp::account::Profile;
use self::connectors::smtp::attachments::{AttachmentError, Metadata};
use self::connectors::smtp::invocation::Run;
use self::connectors::smtp::transport::{Envelope, Receipt};
use self::connectors::smtp::types::Failure;
use self::connectors::smtp::{account, attachments, invocation, transport, types};
use crate::request::{Account, Platform, RunSettings};
use crate::smtp::Message;

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "plugin",
    imports: { default: trappable },
    with: {
        "connectors:smtp/attachments.content": crate::imports::Upload,
        "connectors:smtp/transport.outgoing": crate::smtp::Message,
    },
});

/// The state that the imports of one run use.
pub(crate) struct State {
    platform: Platform,
    run: RunSettings,
    table: ResourceTable,
    pub(crate) limits: StoreLimits,
}

/// An upload that the component is reading.
#[expect(unreachable_pub, reason = "generated code names it")]
pub struct Upload {
    metadata: Metadata,
    file: File,
}

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    Plugin::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

impl State {
    pub(crate) fn new(platform: Platform, run: RunSettings) -> Self {
        let limits = StoreLimitsBuilder::new().memory_size(64 << 20).trap_on_grow_failure(true);
        Self { platform, run, table: ResourceTable::new(), limits: limits.build() }
    }
}

impl types::Host for State {}

impl invocation::Host for State {
    fn current(&mut self) -> Result<Run> {
        let RunSettings { id, started_at, dry_run } = self.run.clone();
        Ok(Run { id, started_at, dry_run })
    }
}

impl account::Host for State {
    fn current(&mut self) -> Result<Profile> {
        let account = self.platform.account.clone();
        Ok(Profile {
            name: account.name,
            default_sender: account.default_sender,
            default_reply_to: account.default_reply_to,
            domain: account.domain,
            max_message_bytes: 25 << 20,
            max_recipients: 100,
            max_attachments: 50,
        })
    }
}

impl attachments::Host for State {
    fn open_upload(&mut self, id: String) -> Result<Result<Resource<Upload>, AttachmentError>> {
        let Some(upload) = self.platform.uploads.get(&id) else {
            return Ok(Err(AttachmentError::NotFound(format!("there is no upload {id:?}"))));
        };
        let file = File::open(self.platform.folder.join(&upload.path))?;
        let metadata = Metadata {
            filename: upload.filename.clone(),
            media_type: upload.media_type.clone(),
            size: Some(file.metadata()?.len()),
        };
        Ok(Ok(self.table.push(Upload { metadata, file })?))
    }

    fn fetch(&mut self, _: String) -> Result<Result<Resource<Upload>, AttachmentError>> {
        Ok(Err(AttachmentError::Forbidden("this platform fetches nothing".to_owned())))
    }
}

impl attachments::HostContent for State {
    fn metadata(&mut self, this: Resource<Upload>) -> Result<Metadata> {
        Ok(self.table.get(&this)?.metadata.clone())
    }

    fn read(
        &mut self,
        this: Resource<Upload>,
        max: u32,
    ) -> Result<Result<Vec<u8>, AttachmentError>> {
        let mut bytes = Vec::new();
        let file = &mut self.table.get_mut(&this)?.file;
        file.take(u64::from(max)).read_to_end(&mut bytes)?;
        Ok(Ok(bytes))
    }

    fn drop(&mut self, this: Resource<Upload>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl transport::Host for State {
    fn begin(&mut self, envelope: Envelope) -> Result<Result<Resource<Message>, Failure>> {
        if self.run.dry_run {
            bail!("a dry run sends nothing");
        }
        let Account { host, port, .. } = &self.platform.account;
        match Message::begin(host, *port, &envelope) {
            Ok(message) => Ok(Ok(self.table.push(message)?)),
            Err(failure) => Ok(Err(failure)),
        }
    }
}

impl transport::HostOutgoing for State {
    fn write(&mut self, this: Resource<Message>, chunk: Vec<u8>) -> Result<Result<(), Failure>> {
        Ok(self.table.get_mut(&this)?.write(&chunk))
    }

    fn finish(&mut self, this: Resource<Message>) -> Result<Result<Receipt, Failure>> {
        Ok(self.table.delete(this)?.finish())
    }

    fn drop(&mut self, this: Resource<Message>) -> Result<()> {
        // The connection closes before the message's end, so the server discards what it has.
        self.table.delete(this)?;
        Ok(())
    }
}
