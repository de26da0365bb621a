//! Attachments whose bytes are not in the input: uploads, and files on the web.

mod captured;
mod content;
mod content_disposition;
mod fetch;
mod folder;
mod hosts;
mod uploads;

pub use captured::Captured;
pub(crate) use captured::{Recorder, Source};
pub use content::{Content, Metadata, SourceError};
pub(crate) use fetch::{FetchRequest, fetch};
pub use folder::FolderUploads;
pub use hosts::AttachmentHosts;
pub use uploads::{FileUploads, MemoryUploads, NoUploads, Uploads};
