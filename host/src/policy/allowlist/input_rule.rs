//! The rule for how an input names recipients, URLs and uploads.

/// The rule for how an input names the recipients, URLs and uploads that its run may reach.
///
/// The default is the rule of `send-mail`. A run may send to the addresses in the fields `to`, `cc` and `bcc`, and open
/// the URLs and uploads in the field `attachments`:
///
/// - Field names match regardless of case, `_`, `-` and blanks. [`RECIPIENT_FIELDS`](Self::RECIPIENT_FIELDS) and
///   [`ATTACHMENT_FIELDS`](Self::ATTACHMENT_FIELDS) list every name.
/// - A value may be text, a list, an object, or JSON within text. In a recipient field, only the members
///   [`ADDRESS_KEYS`](Self::ADDRESS_KEYS) of an object count.
/// - `{{a.b[0].c}}` is replaced by the value of that keyword.
/// - If an expression computes more than that, each word of the address or URL must be a word of the text around it or
///   of a keyword in it. The domain of a computed address must stand there unchanged. The scheme, host, beginning and
///   end of a computed URL must come from the text.
///
/// ```
/// use smtp_connector_host::Services;
/// use smtp_connector_host::policy::InputRule;
///
/// // For trusted components whose input differs from that of `send-mail`.
/// let services = Services::builder().input_rule(InputRule::danger_any()).build();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputRule {
    is_any: bool,
}

impl InputRule {
    /// The names of fields that hold recipients, in lower case and without `_`, `-` and blanks.
    pub const RECIPIENT_FIELDS: &[&str] = &[
        "to",
        "receiver",
        "receivers",
        "receiveremail",
        "recipient",
        "recipients",
        "recipientemail",
        "recipientemails",
        "toemail",
        "toemails",
        "toaddress",
        "toaddresses",
        "toemailaddress",
        "torecipients",
        "sendto",
        "emailto",
        "mailto",
        "cc",
        "ccemail",
        "ccemails",
        "ccaddress",
        "ccaddresses",
        "ccrecipients",
        "carboncopy",
        "bcc",
        "bccemail",
        "bccemails",
        "bccaddress",
        "bccaddresses",
        "bccrecipients",
        "blindcarboncopy",
    ];
    /// The names of fields that hold attachments, in lower case and without `_`, `-` and blanks.
    pub const ATTACHMENT_FIELDS: &[&str] = &[
        "attachments",
        "attachment",
        "attachmentarray",
        "attachmentlist",
        "attachmenturl",
        "attachmenturls",
        "emailattachments",
        "mailattachments",
        "fileattachments",
        "attachedfiles",
        "file",
        "files",
    ];
    /// The names of object members that hold an address, in lower case and without `_`, `-` and blanks.
    pub const ADDRESS_KEYS: &[&str] = &["email", "address", "mail", "value", "emailaddress"];

    /// Lets a run reach recipients, URLs and uploads that its input does not name.
    ///
    /// Danger: a component that is hostile, or that its input deceives, can send mail to anyone. It can also read every
    /// upload and URL that your platform and the account allow. Use this only for components that you trust, and whose
    /// input differs from that of `send-mail`.
    pub fn danger_any() -> Self {
        Self { is_any: true }
    }

    pub(super) fn is_any(self) -> bool {
        self.is_any
    }
}
