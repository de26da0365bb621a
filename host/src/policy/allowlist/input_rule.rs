//! The rule by which an input names recipients, URLs and uploads.

/// The rule by which an input names the recipients, URLs and uploads that its run may reach.
///
/// The default is the rule of `send-mail`. A run may send to the addresses in the fields `to`, `cc` and `bcc`, and open
/// the URLs and uploads in the field `attachments`:
///
/// - The case of a field's name, `_`, `-` and blanks do not matter. [`RECIPIENT_FIELDS`](Self::RECIPIENT_FIELDS) and
///   [`ATTACHMENT_FIELDS`](Self::ATTACHMENT_FIELDS) list every name.
/// - A value may be text, a list, an object, or JSON within text. Of an object in a recipient field, only the members
///   [`ADDRESS_KEYS`](Self::ADDRESS_KEYS) count.
/// - `{{a.b[0].c}}` stands for that keyword's value.
/// - Where an expression computes more than that, each word of the address or URL must be a word of the text around it
///   or of a keyword in it. A computed address takes its domain from there as it is; a computed URL takes its scheme,
///   its host, its beginning and its end from the text.
///
/// ```
/// use smtp_connector_host::Services;
/// use smtp_connector_host::policy::InputRule;
///
/// // Components of ours, whose input is not that of `send-mail`.
/// let services = Services::builder().input_rule(InputRule::danger_any()).build();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputRule {
    is_any: bool,
}

impl InputRule {
    /// Every name of a field that holds recipients, without case, `_`, `-` and blanks.
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
    /// Every name of the field that holds attachments, without case, `_`, `-` and blanks.
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
    /// Every name of the member of an object that holds an address, without case, `_`, `-` and blanks.
    pub const ADDRESS_KEYS: &[&str] = &["email", "address", "mail", "value", "emailaddress"];

    /// A run may reach what its input does not name.
    ///
    /// Danger: a component that is hostile, or that its input has deceived, may send mail to anyone, and read every
    /// upload and URL that your platform and the account allow. Use it only for components that you trust, and whose
    /// input is not that of `send-mail`.
    pub fn danger_any() -> Self {
        Self { is_any: true }
    }

    pub(super) fn is_any(self) -> bool {
        self.is_any
    }
}
