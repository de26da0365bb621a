//! The mails that the benchmarks send.

use serde_json::json;

/// A mail, and the file that the platform holds for it.
pub struct Mail {
    /// The name in the results.
    pub name: &'static str,
    /// The input of `send-mail`.
    pub input: String,
    /// The size of the upload `file`, in octets.
    pub upload: usize,
}

/// A text of 2 kB.
pub fn small() -> Mail {
    let input = json!({
        "from": "Alice <alice@example.com>", "to": "Bob <bob@example.net>",
        "subject": "The report", "text": "All work and no play. ".repeat(90),
    });
    Mail { name: "small", input: input.to_string(), upload: 0 }
}

/// HTML of 10 kB with a text part derived from it, and an inline image of 20 kB.
pub fn html() -> Mail {
    let row = "<tr><td>Grüße</td><td><a href=\"https://example.com/\">1.50</a></td></tr>";
    let input = json!({
        "from": "Alice <alice@example.com>", "to": "Bob <bob@example.net>", "subject": "Grüße",
        "contentType": "both",
        "body": format!("<img src=\"cid:logo\"><table>{}</table>", row.repeat(130)),
        "attachments": { "base64": "iVBORw0K".repeat(3_400), "contentType": "image/png", "cid": "logo" },
    });
    Mail { name: "html", input: input.to_string(), upload: 0 }
}

/// A file of 20 MB as base64 in the input.
pub fn base64() -> Mail {
    let input = json!({
        "from": "Alice <alice@example.com>", "to": "Bob <bob@example.net>", "text": "x",
        "attachments": { "base64": "AAECAwQF".repeat(20_000_000 / 6), "filename": "a.bin" },
    });
    Mail { name: "base64-20MB", input: input.to_string(), upload: 0 }
}

/// A file of 100 MB that the platform holds.
pub fn upload() -> Mail {
    let input = json!({
        "from": "Alice <alice@example.com>", "to": "Bob <bob@example.net>", "text": "x",
        "attachments": { "upload": "file", "filename": "a.bin" },
    });
    Mail { name: "upload-100MB", input: input.to_string(), upload: 100_000_000 }
}
