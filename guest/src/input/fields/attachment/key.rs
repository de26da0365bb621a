//! The keys of an attachment's object, and their aliases.

use crate::input::fields::{fold, nearest};

/// A key of an attachment's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Url,
    /// A URL. A path on a disk is an issue.
    Path,
    DataUri,
    Base64,
    Text,
    /// The id of a file that the platform stores, or an object with the keys of an attachment.
    Upload,
    /// Notion's object with the URL of an external file.
    External,
    /// Base64 or text, depending on `encoding`.
    Content,
    Encoding,
    FileName,
    /// The original name of a file that is stored under another name.
    OriginalName,
    ContentType,
    ContentId,
    Disposition,
    Inline,
    Sha256,
    Optional,
    /// Another key of a file picker, which is ignored.
    Ignored,
}

/// The keys with their names. Messages and the schema use the first name of each.
const KEYS: &[(Key, &[&str])] = &[
    (
        Key::Url,
        &[
            "url",
            "href",
            "uri",
            "link",
            "downloadurl",
            "downloadlink",
            "fileurl",
            "filelink",
            "publicurl",
            "signedurl",
        ],
    ),
    (Key::Path, &["path"]),
    (Key::DataUri, &["dataUri", "dataurl"]),
    (
        Key::Base64,
        &[
            "base64",
            "data",
            "contentbytes",
            "contentdata",
            "base64content",
            "base64data",
            "contentbase64",
            "filebase64",
            "$content",
        ],
    ),
    (Key::Text, &["text"]),
    (Key::Upload, &["upload", "file", "uploadid", "fileid"]),
    (Key::External, &["external"]),
    (Key::Content, &["content", "buffer"]),
    (Key::Encoding, &["encoding"]),
    (Key::FileName, &["filename", "name"]),
    (Key::OriginalName, &["originalname", "originalfilename"]),
    (Key::ContentType, &["contentType", "type", "mimetype", "mediatype", "$contenttype"]),
    (Key::ContentId, &["cid", "contentid"]),
    (Key::Disposition, &["disposition", "contentdisposition"]),
    (Key::Inline, &["inline", "isinline"]),
    (Key::Sha256, &["sha256"]),
    (Key::Optional, &["optional"]),
    (Key::Ignored, IGNORED),
];

/// Other keys that browsers and low-code platforms put into a file's object.
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
    /// Returns the key with a name. Case, `_`, `-`, spaces and tabs do not matter.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let folded = fold(name);
        // A name has only letters, digits and `$`, so folding only changes its case.
        let is_meant = |name: &&str| name.eq_ignore_ascii_case(&folded);
        let found = KEYS.iter().find(|(_, names)| names.iter().any(is_meant));
        found.map(|(key, _)| *key)
    }

    /// Returns the message for an unknown key.
    pub(super) fn explain_unknown(name: &str) -> String {
        let forms = names().flat_map(|names| names.iter().map(|name| (names[0], fold(name))));
        match nearest(&fold(name), forms) {
            Some(known) => format!("this key is ignored; did you mean {known:?}?"),
            None => "this key is ignored, because an attachment has no such key".to_owned(),
        }
    }

    /// Reports whether the key gives the source of the bytes. An attachment has exactly one such key.
    pub(super) fn is_source(self) -> bool {
        use Key::{Base64, Content, DataUri, External, Path, Text, Upload, Url};
        matches!(self, Url | Path | DataUri | Base64 | Text | Upload | External | Content)
    }
}

/// Reports whether the value of a key may be a URL to fetch.
pub fn may_hold_url(name: &str) -> bool {
    match Key::from_name(name) {
        Some(Key::Url | Key::Path | Key::DataUri | Key::External) => true,
        // Of the names of this key, only `file` may have an object with a URL.
        Some(Key::Upload) => name.eq_ignore_ascii_case("file"),
        _ => false,
    }
}

/// Returns the names of each key that is not ignored, its main name first.
pub fn names() -> impl Iterator<Item = &'static [&'static str]> {
    KEYS.iter().filter(|(key, _)| *key != Key::Ignored).map(|(_, names)| *names)
}
