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
    /// The id of a file that the platform holds, or an object with the keys of an attachment.
    Upload,
    /// Where Notion keeps the URL of a file that is elsewhere.
    External,
    /// Base64 or text: `encoding` says which.
    Content,
    Encoding,
    FileName,
    /// The name on somebody's disk, where the file is stored under another.
    OriginalName,
    ContentType,
    ContentId,
    Disposition,
    Inline,
    Sha256,
    Optional,
    /// What a file picker tells besides, and nothing here is made of.
    Ignored,
}

/// Keys with the names that they go by; the first name of each is the one that messages and the schema use.
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
            Some(known) => format!("this key is left out; did you mean {known:?}?"),
            None => "this key is left out: an attachment has no such key".to_owned(),
        }
    }

    /// Whether the key says where the bytes come from, as exactly one must.
    pub(super) fn is_source(self) -> bool {
        use Key::{Base64, Content, DataUri, External, Path, Text, Upload, Url};
        matches!(self, Url | Path | DataUri | Base64 | Text | Upload | External | Content)
    }
}

/// Whether the value under a name may be a URL that is fetched.
pub fn may_hold_url(name: &str) -> bool {
    match Key::from_name(name) {
        Some(Key::Url | Key::Path | Key::DataUri | Key::External) => true,
        // `file` may be an object with a URL; no other name of it is.
        Some(Key::Upload) => name.eq_ignore_ascii_case("file"),
        _ => false,
    }
}

/// The names of each key that says something, the first being its own.
pub fn names() -> impl Iterator<Item = &'static [&'static str]> {
    KEYS.iter().filter(|(key, _)| *key != Key::Ignored).map(|(_, names)| *names)
}
