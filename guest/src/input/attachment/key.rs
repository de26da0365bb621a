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
    /// What a file picker tells besides, and nothing here is made of.
    Ignored,
}

/// Keys with the names that they go by; the first name of each is the one that messages and the schema use.
const KEYS: &[(Key, &[&str])] = &[
    (Key::Url, &["url", "href", "uri", "link", "downloadurl"]),
    (Key::Path, &["path"]),
    (Key::DataUri, &["dataUri", "dataurl"]),
    (Key::Base64, &["base64", "data", "contentbytes", "contentdata"]),
    (Key::Text, &["text"]),
    (Key::Upload, &["upload", "file", "uploadid", "fileid"]),
    (Key::Content, &["content"]),
    (Key::Encoding, &["encoding"]),
    (Key::FileName, &["filename", "name"]),
    (Key::ContentType, &["contentType", "type", "mimetype", "mediatype"]),
    (Key::ContentId, &["cid", "contentid"]),
    (Key::Inline, &["inline", "isinline"]),
    (Key::Sha256, &["sha256"]),
    (Key::Optional, &["optional"]),
    (Key::Ignored, IGNORED),
];

/// What the pickers of browsers and low-code platforms put into a file's object beside its bytes.
pub const IGNORED: &[&str] = &[
    "size",
    "filesize",
    "id",
    "uid",
    "dataformat",
    "extension",
    "lastmodified",
    "lastmodifieddate",
    "webkitrelativepath",
    "createdat",
    "updatedat",
];

impl Key {
    /// The key that a name means: case, `_`, `-` and blanks do not matter.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let folded = fold(name);
        // Names are letters and digits alone: folded, they are only without capitals.
        let is_meant = |name: &&str| name.eq_ignore_ascii_case(&folded);
        let found = KEYS.iter().find(|(_, names)| names.iter().any(is_meant));
        found.map(|(key, _)| *key)
    }

    /// What is to be said of a name that means none.
    pub(super) fn explain_unknown(name: &str) -> String {
        let forms = names().flat_map(|names| names.iter().map(|name| (names[0], fold(name))));
        match nearest(&fold(name), forms) {
            Some(known) => format!("an attachment has no such key; did you mean {known:?}?"),
            None => {
                let names: Vec<_> = names().map(|names| names[0]).collect();
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

/// The names of each key that says something, the first being its own.
pub fn names() -> impl Iterator<Item = &'static [&'static str]> {
    KEYS.iter().filter(|(key, _)| *key != Key::Ignored).map(|(_, names)| *names)
}
