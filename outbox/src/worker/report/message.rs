//! The message of a delivery report: `multipart/report` (RFC 6522) with a `message/delivery-status` (RFC 3464).

use std::fmt::Write as _;

use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::mime::{BodyPart, MimePart};

use crate::run::{RecipientState, Run, RunId, RunRecipient};
use crate::timestamp::Timestamp;

/// A report about a mail that expired.
pub(super) struct Report<'r> {
    /// The id of the report.
    pub(super) id: &'r RunId,
    /// Seconds since 1970.
    pub(super) started_at: u64,
    pub(super) from: String,
    pub(super) to: &'r str,
    /// The run that expired.
    pub(super) run: &'r Run,
    pub(super) undelivered: Vec<Undelivered>,
    /// The header of the mail, if it is known.
    pub(super) header: Option<&'r str>,
    /// The name of the machine that reports, if the account sets one.
    pub(super) reporting_mta: Option<&'r str>,
}

/// A recipient that did not get the mail.
pub(super) struct Undelivered {
    address: String,
    /// The enhanced status code (RFC 3463).
    status: String,
    /// The server's last reply.
    reply: Option<String>,
}

/// Delivery time expired (RFC 3463 section 3.5).
const EXPIRED: &str = "4.4.7";

impl Undelivered {
    /// Returns a recipient that is waiting or was refused, or `None` for one that has the mail.
    pub(super) fn of(recipient: &RunRecipient) -> Option<Self> {
        if recipient.state == RecipientState::Accepted {
            return None;
        }
        let status = recipient.enhanced.clone().unwrap_or_else(|| match recipient.state {
            RecipientState::Refused => "5.0.0".to_owned(),
            _ => EXPIRED.to_owned(),
        });
        let reply = recipient.code.map(|code| {
            let (enhanced, text) = (recipient.enhanced.as_deref(), recipient.reply.as_deref());
            let parts = [enhanced, text].into_iter().flatten();
            parts.fold(code.to_string(), |reply, part| reply + " " + part)
        });
        Some(Self { address: recipient.address.clone(), status, reply })
    }

    /// Returns a recipient that no attempt got to.
    pub(super) fn never_reached(address: &str) -> Self {
        Self { address: address.to_owned(), status: EXPIRED.to_owned(), reply: None }
    }
}

impl Report<'_> {
    pub(super) fn to_message(&self) -> Vec<u8> {
        let domain = self.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let status = raw("message/delivery-status", self.status(domain));
        let mut parts = vec![MimePart::new("text/plain", self.text()), status];
        if let Some(header) = self.header {
            // RFC 6533 section 6.3 for headers that are not ASCII.
            let kind =
                if header.is_ascii() { "text/rfc822-headers" } else { "message/global-headers" };
            parts.push(raw(kind, header.to_owned()));
        }
        let kind = ContentType::new("multipart/report").attribute("report-type", "delivery-status");
        let message = MessageBuilder::new()
            .from(("Mail delivery", self.from.as_str()))
            .to(self.to)
            .subject("Your mail was not delivered")
            .date(Date::new(i64::try_from(self.started_at).unwrap_or(i64::MAX)))
            .message_id(format!("{}@{domain}", self.id))
            // RFC 3834 section 5: no program answers it.
            .header("Auto-Submitted", mail_builder::headers::raw::Raw::new("auto-replied"))
            .body(MimePart::new(kind, BodyPart::Multipart(parts)));
        message.write_to_vec().expect("writing to memory does not fail")
    }

    /// Returns the part for people.
    fn text(&self) -> String {
        let mut text = format!(
            "Your mail of {} could not be delivered, and will not be tried again.\r\n\r\nIt did not reach:\r\n",
            date(self.run.created_at),
        );
        for one in &self.undelivered {
            let reply = one.reply.as_ref().map(|reply| format!(": {reply}")).unwrap_or_default();
            let _ = write!(text, "\r\n  {}{reply}\r\n", one.address);
        }
        if self.undelivered.is_empty() {
            text.push_str("\r\n  any recipient\r\n");
        }
        let error = self.run.result.as_ref().map(|result| &result["error"]);
        if let Some(message) = error.and_then(|error| error["message"].as_str()) {
            let _ = write!(text, "\r\nThe reason: {message}\r\n");
        }
        text
    }

    /// Returns the part for programs.
    fn status(&self, domain: &str) -> String {
        let mta = self.reporting_mta.unwrap_or(domain);
        let mut status = format!("Reporting-MTA: dns; {}\r\n", printable(mta));
        let _ = write!(status, "Arrival-Date: {}\r\n", date(self.run.created_at));
        for one in &self.undelivered {
            let _ = write!(
                status,
                "\r\nFinal-Recipient: {}\r\nAction: failed\r\nStatus: {}\r\n",
                address_type(&one.address),
                printable(&one.status),
            );
            if let Some(reply) = &one.reply {
                let _ = write!(status, "Diagnostic-Code: smtp; {}\r\n", printable(reply));
            }
        }
        status
    }
}

/// Returns a part whose text is sent as it is.
fn raw(kind: &'static str, text: String) -> MimePart<'static> {
    let encoding = if text.is_ascii() { "7bit" } else { "8bit" };
    MimePart::new(kind, text.into_bytes()).transfer_encoding(encoding)
}

/// Returns an address with its type. An address that is not ASCII is written with escapes (RFC 6533 section 3).
fn address_type(address: &str) -> String {
    if address.is_ascii() {
        return format!("rfc822; {address}");
    }
    let escaped = address.chars().map(|c| match c {
        '\\' | '+' | '=' => format!("\\x{{{:X}}}", u32::from(c)),
        '!'..='~' => c.to_string(),
        other => format!("\\x{{{:X}}}", u32::from(other)),
    });
    format!("utf-8; {}", escaped.collect::<String>())
}

/// The most characters of a line, which may have 998 octets with its name (RFC 5322 section 2.1.1).
const LINE: usize = 900;

/// Returns a text as one line of ASCII.
fn printable(text: &str) -> String {
    text.chars().take(LINE).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

fn date(at: Timestamp) -> String {
    Date::new(at.as_millis() / 1000).to_rfc822()
}
