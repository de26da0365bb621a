//! The keys of an attachment's object, and the names that others give them.

use crate::input::fields::{fold, nearest};

/// What a key of an attachment's object means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Url,
    /// A URL, or a path on a disk, which there is none of.
    Path,
    DataUri,
    Base64,
    Text,
    Upload,
    /// Base64 or text: `encoding` says which.
    Content,
    Encoding,
    FileName,
    ContentType,
    ContentId,
    Inline,
    Sha256,
    Optional,
}

/// Keys with the names that they go by, folded; the first name of each is the one that messages use.
const KEYS: &[(Key, &[&str])] = &[
    (Key::Url, &["url", "href", "uri", "link", "downloadurl"]),
    (Key::Path, &["path"]),
    (Key::DataUri, &["datauri", "dataurl"]),
    (Key::Base64, &["base64", "data", "contentbytes", "contentdata"]),
    (Key::Text, &["text"]),
    (Key::Upload, &["upload", "file", "uploadid", "fileid"]),
    (Key::Content, &["content"]),
    (Key::Encoding, &["encoding"]),
    (Key::FileName, &["filename", "name"]),
    (Key::ContentType, &["contenttype", "type", "mimetype", "mediatype"]),
    (Key::ContentId, &["cid", "contentid"]),
    (Key::Inline, &["inline", "isinline"]),
    (Key::Sha256, &["sha256"]),
    (Key::Optional, &["optional"]),
];

impl Key {
    /// The key that a name means: case, `_`, `-` and blanks do not matter.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let folded = fold(name);
        let found = KEYS.iter().find(|(_, names)| names.contains(&folded.as_ref()));
        found.map(|(key, _)| *key)
    }

    /// What is to be said of a name that means none.
    pub(super) fn explain_unknown(name: &str) -> String {
        let known = KEYS.iter().flat_map(|(_, names)| names.iter().map(|form| (names[0], form)));
        match nearest(&fold(name), known) {
            Some(known) => format!("an attachment has no such key; did you mean {known:?}?"),
            None => {
                let names: Vec<_> = KEYS.iter().map(|(_, names)| names[0]).collect();
                format!("an attachment has no such key; it has {}", names.join(", "))
            }
        }
    }

    /// Whether the key says where the bytes come from, as exactly one must.
    pub(super) fn is_source(self) -> bool {
        use Key::{Base64, Content, DataUri, Path, Text, Upload, Url};
        matches!(self, Url | Path | DataUri | Base64 | Text | Upload | Content)
    }
}
